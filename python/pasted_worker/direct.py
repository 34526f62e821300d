"""Decides what an object is that a file names without saying its protocol.

Tutorials write "use = package.module:application" where PasteDeploy wants a
factory. What the object can be called with, and what its first parameters are
called, tell what it is.

Where an application stands, it is, by the first of these that holds:

  1. an application: its parameters can be (environ, start_response), and the
     first or the second is called so; or it has no signature to look at
  2. a composite factory: the first parameter is called loader
  3. an application: it takes any positional arguments, without a name for any,
     and is an instance with __call__, or is named as an application
  4. a factory: it can be called with (global_conf, **local_conf)
  5. a factory: it can be called with (**local_conf), as create_app() can
  6. an application: it can be called with two arguments, and the first is not
     called as a configuration
  7. a factory, whose TypeError says what is wrong

Where a filter stands:

  1. a filter factory, called with (global_conf, **local_conf): the first
     parameter is called as a configuration
  2. a filter factory, called with (**local_conf): it takes keywords only
  3. middleware, called with (app, **local_conf), and with global_conf behind app
     if the second parameter is one and is required, or is called global_...:
     the first parameter is called as an application, or it is a class
  4. a filter factory: a function of one parameter and any keywords
  5. middleware
"""

import inspect

from pasted_worker import loader, signatures

_ENVIRON = frozenset(["environ", "env", "environment", "wsgi_environ", "wsgi_env"])
_START = frozenset(["start_response", "startresponse", "start_resp", "start"])
_INNER = frozenset(["inner", "next", "wrapped", "wsgi", "handler", "successor", "downstream"])


def application(found, context, call):
    """Return the application that found is, or makes of context's configurations.

    call(function, args, kw) calls a factory.
    """
    _want_callable(found)
    shape = _Shape(found)
    global_conf, local_conf = context.global_conf, context.local_conf
    if not shape.known or shape.is_application():
        return _plain_application(found, local_conf)
    if shape.first == "loader":
        loader.prepare()
        return call(found, (context.loader, global_conf), local_conf)
    if not shape.names and shape.takes_any and _looks_built(found) and not local_conf:
        return found
    if shape.binds((global_conf,), local_conf):
        return call(found, (global_conf,), local_conf)
    if shape.binds((), local_conf):
        return call(found, (), local_conf)
    if shape.binds((None, None), {}) and not _is_conf(shape.first):
        return _plain_application(found, local_conf)
    if shape.first == "scope":
        raise TypeError("%r is an ASGI application: want one for WSGI" % (found,))
    return call(found, () if shape.binds((), {}) else (global_conf,), local_conf)


def filter(found, context, call):
    """Return the filter, a function of an application, that found is or makes.

    call(function, args, kw) calls a factory.
    """
    _want_callable(found)
    shape = _Shape(found)
    global_conf, local_conf = context.global_conf, context.local_conf
    first, is_class = shape.first, inspect.isclass(found)
    if shape.known:
        if shape.is_application():
            raise TypeError("%r is an application: want a filter" % (found,))
        if first == "get_response":
            raise TypeError("%r is Django's own middleware: want one for WSGI" % (found,))
        if _is_conf(first):
            return _filter_of(found, call(found, (global_conf,), local_conf))
        if not shape.names and not shape.takes_any and not is_class:
            return _filter_of(found, call(found, (), local_conf))
        if (len(shape.names) == 1 and shape.takes_any_keyword
                and not _is_inner(first) and not is_class):
            return _filter_of(found, call(found, (global_conf,), local_conf))
    between = (global_conf,) if shape.wants_conf_second() else ()

    def wrap(app):
        return _application_of(found, call(found, (app,) + between, local_conf))

    return wrap


class _Shape(signatures.Shape):
    """What a callable is, as its parameters tell."""

    @property
    def first(self):
        """The first positional parameter's name, empty if there is none."""
        return self.names[0] if self.names else ""

    def is_application(self):
        """Say whether its parameters are environ and start_response."""
        first, second = (self.names + ["", ""])[:2]
        return (first in _ENVIRON or second in _START) and self.binds((None, None), {})

    def wants_conf_second(self):
        """Say whether it is to be given global_conf behind its first argument."""
        if len(self.names) < 2 or not _is_conf(self.names[1]):
            return False
        return self.names[1].startswith("global") or self.requires(1)


def _is_conf(name):
    return any(word in name for word in ("conf", "cfg", "settings", "options")) or name.startswith("global")


def _is_inner(name):
    return name in _INNER or name.endswith("app") or "application" in name


def _looks_built(found):
    """Say whether found seems to be an application rather than to make one."""
    if not inspect.isroutine(found) and not inspect.isclass(found):
        return True
    name = getattr(found, "__name__", "").lower()
    return name in ("app", "application", "wsgi", "wsgi_app", "wsgi_application")


def _want_callable(found):
    if not callable(found):
        raise TypeError("%r can be neither an application nor a factory: it is not callable" % (found,))


def _plain_application(found, local_conf):
    if local_conf:
        raise TypeError("%r is an application, not a factory, and cannot take the options %s"
                        % (found, ", ".join(sorted(local_conf))))
    return found


def _filter_of(maker, made):
    if not callable(made):
        raise TypeError("%r, taken as a filter factory, has returned %r: want a function of an application"
                        % (maker, made))
    return made


def _application_of(maker, made):
    if not callable(made):
        raise TypeError("%r, taken as middleware, has returned %r: want an application" % (maker, made))
    return made
