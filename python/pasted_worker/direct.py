"""Decides what an object is that a file names without saying its protocol.

Tutorials write "use = package.module:application" where PasteDeploy wants a
factory. The object's own signature tells what it is: the names of its first
parameters, and with what it can be called.
"""

import inspect

_APPLICATION = frozenset(["environ", "env", "start_response", "wsgi_environ"])
_INNER = frozenset(["app", "application", "wsgi_app", "wsgi_application", "next_app", "next", "inner", "wrapped",
                    "wsgi", "handler", "nextapp", "the_app", "web_app"])
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def application(found, global_conf, local_conf, call):
    """Return the application that found is, or that it makes.

    found is a factory if it can be called with (global_conf, **local_conf) and
    its parameters are not those of an application; or without anything.
    """
    signature = _signature(found)
    if signature is None:
        return _plain_application(found, local_conf)
    names = _positional(signature)
    if names and names[0] in _APPLICATION or "start_response" in names[1:2]:
        return _plain_application(found, local_conf)
    if _binds(signature, global_conf, **local_conf):
        return call(found, global_conf, **local_conf)
    if _binds(signature, **local_conf):
        return call(found, **local_conf)
    if _binds(signature, {}, None):
        return _plain_application(found, local_conf)
    return call(found, global_conf, **local_conf)  # whose TypeError says what it wants


def filter(found, global_conf, local_conf, call):
    """Return the filter, a function of an application, that found is or makes.

    A first parameter that names an application makes it middleware, one that
    names a configuration a filter factory. Of others a class is middleware, and
    a function that takes any keywords a factory.
    """
    signature = _signature(found)
    names = _positional(signature) if signature is not None else []
    if names and _is_conf(names[0]):
        return call(found, global_conf, **local_conf)
    if names and names[0] in _INNER or inspect.isclass(found) or signature is None:
        return _middleware(found, signature, names, global_conf, local_conf, call)
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values()) and len(names) == 1:
        return call(found, global_conf, **local_conf)
    return _middleware(found, signature, names, global_conf, local_conf, call)


def _middleware(found, signature, names, global_conf, local_conf, call):
    if len(names) > 1 and _is_conf(names[1]) and _required(signature, names[1]):
        return lambda app: call(found, app, global_conf, **local_conf)
    return lambda app: call(found, app, **local_conf)


def _plain_application(found, local_conf):
    if not callable(found):
        raise TypeError("%r is neither an application nor a factory" % (found,))
    if local_conf:
        raise TypeError("%r is an application, not a factory, and cannot take the options %s"
                        % (found, ", ".join(sorted(local_conf))))
    return found


def _signature(found):
    try:
        return inspect.signature(found)
    except (TypeError, ValueError):
        return None


def _positional(signature):
    return [p.name for p in signature.parameters.values() if p.kind in _POSITIONAL]


def _required(signature, name):
    return signature.parameters[name].default is inspect.Parameter.empty


def _is_conf(name):
    name = name.lower().lstrip("_")
    return "conf" in name or "settings" in name or name.startswith("global")


def _binds(signature, *args, **kwargs):
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
