"""Builds applications from the contexts that Pasted has resolved.

What PasteDeploy's context.create() does, in its order. Resolving is not done
here: a composite's loader asks Pasted.
"""

import configparser
import importlib
import inspect

from pasted_worker import direct

try:
    from importlib.metadata import PackageNotFoundError
except ImportError:  # Python 3.6 and 3.7
    class PackageNotFoundError(ImportError):
        """Stands for the class of that name where there is no importlib.metadata."""


class Context:
    """A resolved section: what a loader's app_context() and its like return."""

    def __init__(self, tree, asker):
        self.tree = tree
        self.object_type = tree["type"]
        self.protocol = tree["protocol"] or None
        self.global_conf = tree["global_conf"]
        self.local_conf = tree["local_conf"]
        self.distribution = tree.get("distribution") or None
        self.entry_point_name = tree.get("entry_point_name") or None
        self.loader = Loader(tree["id"], asker)
        if self.object_type == "pipeline":
            self.app_context = Context(tree["app"], asker)
            self.filter_contexts = [Context(t, asker) for t in tree["filters"]]
        elif self.object_type in ("filter_app", "filtered_with"):
            self.filter_context = Context(tree["filter"], asker)
            self.next_context = Context(tree["next"], asker)

    @property
    def object(self):
        return load_object(self.tree["object"]) if self.tree["object"] else None

    def create(self):
        """Build what the context stands for."""
        build = _BUILDERS.get(self.object_type)
        if build is None:
            raise AssertionError("Object type %r unknown" % (self.object_type,))
        try:
            return build(self)
        except BaseException as error:
            self._mark(error)
            raise

    def _mark(self, error):
        """Note on error which section it was raised for: the innermost."""
        if hasattr(error, "pasted_section"):
            return
        try:
            error.pasted_section = {key: self.tree.get(key) for key in ("section", "file", "line")}
        except (AttributeError, TypeError):
            pass  # a class without room; the traceback tells


class Loader:
    """What a composite factory resolves its children with."""

    def __init__(self, context_id, asker):
        self._id = context_id
        self._asker = asker

    def get_app(self, name=None, global_conf=None):
        return self.app_context(name, global_conf).create()

    def get_filter(self, name=None, global_conf=None):
        return self.filter_context(name, global_conf).create()

    def get_server(self, name=None, global_conf=None):
        return self.server_context(name, global_conf).create()

    def app_context(self, name=None, global_conf=None):
        return self._context("app", name, global_conf)

    def filter_context(self, name=None, global_conf=None):
        return self._context("filter", name, global_conf)

    def server_context(self, name=None, global_conf=None):
        return self._context("server", name, global_conf)

    def _context(self, kind, name, global_conf):
        answer = self._asker.ask({
            "context": self._id, "type": kind, "name": name,
            "global_conf": None if global_conf is None else _plain(global_conf),
        })
        if "error" in answer:
            raise make_error(answer["error"]["class"], answer["error"]["text"])
        return Context(answer["context"], self._asker)


def _plain(conf):
    """Return conf as marshal can carry it; PasteDeploy, too, wants strings."""
    plain = {}
    for key, value in conf.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError("global_conf[%r] is %r: want a str" % (key, value))
        plain[str(key)] = str(value)
    return plain


def make_error(name, text):
    """Return an exception of the class that PasteDeploy would have raised."""
    module, _, plain = name.rpartition(".")
    if module == "configparser":
        error = getattr(configparser, plain, LookupError)
        made = error.__new__(error)
        Exception.__init__(made, text)
        made.message = text
        return made
    if plain == "PackageNotFoundError":
        return PackageNotFoundError(text)
    kind = getattr(importlib.import_module("builtins"), plain, LookupError)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        kind = LookupError
    try:
        return kind(text)
    except TypeError:  # UnicodeDecodeError wants more
        return ValueError(text)


def load_object(reference):
    """Import what reference names, as its style says."""
    module = importlib.import_module(reference["module"])
    attr = reference["attr"]
    if reference["style"] == "call":
        return getattr(module, attr) if attr else module
    found = module
    for part in attr.split(".") if attr else ():
        found = getattr(found, part)
    return found


def _call(function, *args, **kwargs):
    """Call function; a TypeError about its arguments says what it wants."""
    try:
        return function(*args, **kwargs)
    except TypeError as error:
        if type(error) is not TypeError or "arguments" not in str(error) or hasattr(error, "_type_error_fixed"):
            raise
        error._type_error_fixed = True
        got = [_short(repr(a)) for a in args] + ["%s=..." % name for name in sorted(kwargs)]
        error.args = ("%s; got (%s), wanted %s" % (error, ", ".join(got), _wanted(function)),)
        raise


def _wanted(function):
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return "something else"


def _short(text):
    return text if len(text) <= 12 else "%s...%s" % (text[:8], text[-4:])


def _is_direct(context):
    return context.tree["object"] and context.tree["object"]["style"] == "direct"


def _create_app(context):
    if _is_direct(context):
        return direct.application(context.object, context.global_conf, context.local_conf, _call)
    if context.protocol in ("paste.composite_factory", "paste.composit_factory"):
        return _call(context.object, context.loader, context.global_conf, **context.local_conf)
    if context.protocol == "paste.app_factory":
        return _call(context.object, context.global_conf, **context.local_conf)
    raise AssertionError("Protocol %r unknown" % (context.protocol,))


def _create_filter(context):
    if _is_direct(context):
        return direct.filter(context.object, context.global_conf, context.local_conf, _call)
    if context.protocol == "paste.filter_factory":
        return _call(context.object, context.global_conf, **context.local_conf)
    if context.protocol == "paste.filter_app_factory":
        return lambda app: _call(context.object, app, context.global_conf, **context.local_conf)
    raise AssertionError("Protocol %r unknown" % (context.protocol,))


def _create_server(context):
    if context.protocol == "paste.server_factory":
        return _call(context.object, context.global_conf, **context.local_conf)
    if context.protocol == "paste.server_runner":
        return lambda app: _call(context.object, app, context.global_conf, **context.local_conf)
    raise AssertionError("Protocol %r unknown" % (context.protocol,))


def _create_pipeline(context):
    app = context.app_context.create()
    for wrap in reversed([c.create() for c in context.filter_contexts]):
        app = wrap(app)
    return app


def _create_filter_app(context):
    app = context.next_context.create()
    return context.filter_context.create()(app)


def _create_filtered_with(context):
    outer = context.filter_context.create()
    inner = context.next_context.create()
    # PasteDeploy's rule, a pipeline with a filter included: only what is an
    # application by its type is wrapped as one.
    if context.next_context.object_type == "application":
        return outer(inner)
    return lambda app: outer(inner(app))


_BUILDERS = {
    "application": _create_app,
    "filter": _create_filter,
    "server": _create_server,
    "pipeline": _create_pipeline,
    "filter_app": _create_filter_app,
    "filtered_with": _create_filtered_with,
}
