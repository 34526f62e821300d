"""Creates what a context stands for as PasteDeploy does, and writes it all down.

Each call of a factory is noted with what it was given, and what comes out is
described by its type.
"""

import collections
import functools
import re

from pasted_worker import direct, failure
from pasted_worker.context import Context, fix_call
from pasted_worker.loader import Loader

_ADDRESS = re.compile(" at 0x[0-9a-f]+")


def create(kind, tree, asker):
    """Return what creating the context of tree gives, a dict for JSON.

    result            what came out, see describe(); of a filter and a server
                      what applying it to a probe application gives, and
    result_of         says so
    broken            says why the result is no application: PasteDeploy's
                      filter-with on what is none by its type gives a function
    composed_of_probe what that gives when it is given an application
    error             {"class", "message", "bases"} in the place of a result
    calls             of factories, in their order: factory, protocol, args (each
                      a dict of one key: loader, global_conf or wsgi_app) and
                      kwargs; "(endless)" after a RecursionError

    What the import of the tree's objects raises is raised.
    """
    recorder = Recorder(asker)
    context = RecordedContext(tree, recorder)
    out = collections.OrderedDict()
    try:
        made = context.create()
    except BaseException as error:
        out["error"] = error_of(error)
        out["calls"] = "(endless)" if isinstance(error, RecursionError) else recorder.calls
        return out
    try:
        if kind == "app":
            _describe_app(made, out)
        else:
            out["result"] = describe(made(App()))
            out["result_of"] = "%s applied to <probe app>" % kind
    except Exception as error:
        out["error"] = error_of(error)
    out["calls"] = recorder.calls
    return out


def _describe_app(made, out):
    out["result"] = describe(made)
    if "composed" not in getattr(made, "__qualname__", ""):
        return
    out["broken"] = ("not an application: the inner function `composed(app)` of "
                     "_FilterWith.invoke, which takes one argument")
    try:
        out["composed_of_probe"] = describe(made(App()))
    except Exception as error:
        out["composed_of_probe"] = {"error": error_of(error)}


class App:
    """The application that a filter, or a server, is applied to."""

    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]


class Recorder:
    """Asks for one tree of contexts, and keeps what they note."""

    def __init__(self, asker):
        self.ask = asker.ask
        self.calls = []

    def note(self, context, target, args, kw):
        """Note a call of target, context's factory."""
        self.calls.append(collections.OrderedDict([
            ("factory", spec_of(target)),
            ("protocol", context.protocol),
            ("args", [_argument(arg) for arg in args]),
            ("kwargs", plain(kw)),
        ]))


class RecordedContext(Context):
    """A Context whose factory's calls are noted. Its asker is a Recorder."""

    def __init__(self, tree, recorder):
        super().__init__(tree, recorder)
        self.recorder = recorder
        if self.object is not None and not self.is_direct():
            self.object = Bound(self, self.object)


class Bound:
    """A factory that has its calls noted."""

    def __init__(self, context, target):
        # For whoever looks at it, its signature included, it is target.
        functools.update_wrapper(self, target, updated=())
        self._context = context

    def __call__(*args, **kw):  # an option may be called self
        self, args = args[0], args[1:]
        self._context.recorder.note(self._context, self.__wrapped__, args, kw)
        return self.__wrapped__(*args, **kw)

    def __repr__(self):
        return "<%s>" % spec_of(self.__wrapped__)


def _create_filtered_with(context):
    """Do what PasteDeploy does, to the letter: see create() on broken."""
    outer = context.filter_context.create()
    inner = context.next_context.create()
    if context.next_context.type_name == "application":
        return outer(inner)

    def composed(app):
        return outer(inner(app))

    composed.__qualname__ = "_FilterWith.invoke.<locals>.composed"
    return composed


def _recording(builder, decide):
    """Return builder but for objects that are named directly, whose calls it notes."""
    def build(context):
        if not context.is_direct():
            return builder(context)

        def call(function, args, kw):
            return fix_call(Bound(context, function), *args, **kw)

        return decide(context.object, context, call)

    return build


RecordedContext.builders = dict(
    Context.builders,
    application=_recording(Context.builders["application"], direct.application),
    filter=_recording(Context.builders["filter"], direct.filter),
    filtered_with=_create_filtered_with,
)


# How things are written down.

def spec_of(found):
    """Return "module:qualname" of an object, "module NAME" for a module."""
    if isinstance(found, type(collections)):
        return "module %s" % found.__name__
    module = getattr(found, "__module__", None)
    name = getattr(found, "__qualname__", None)
    if module and name:
        return "%s:%s" % (module, name)
    return "object %r" % (found,)


def _argument(arg):
    if isinstance(arg, Loader):
        return {"loader": arg.uri}
    if isinstance(arg, dict):
        return {"global_conf": plain(arg)}
    return {"wsgi_app": describe(arg)}


def describe(made):
    """Return for JSON what something is that a factory has made.

    Paste's urlmap and cascade are described by their applications, and so is
    what FakeApp makes, a distribution that tests of PasteDeploy have: its
    classes App, Filtered, Server and Served have names, and applications.
    """
    if isinstance(made, App):
        return {"app": "<probe app>"}
    describer = _describer(made)
    if describer is not None:
        return describer(made)
    kind = type(made)
    if kind.__module__.startswith("paste."):
        return {"object": "%s:%s" % (kind.__module__, kind.__qualname__)}
    if callable(made):
        return {"callable": getattr(made, "__qualname__", kind.__name__)}
    return {"object": repr(made)}


def _describer(made):
    for kind in type(made).__mro__:
        if (kind.__module__, kind.__name__) in _DESCRIBERS:
            return _DESCRIBERS[kind.__module__, kind.__name__]
    return None


def _describe_fake_app(app):
    out = collections.OrderedDict(app=app.name)
    if app.children is not None:
        out["children"] = [[key, describe(child)] for key, child in app.children]
    return out


def _describe_urlmap(urlmap):
    out = collections.OrderedDict()
    out["urlmap"] = [[list(key), describe(app)] for key, app in urlmap.applications]
    not_found = urlmap.not_found_application
    if _describer(not_found) is _describe_fake_app:  # else it is urlmap's own page
        out["not_found_app"] = describe(not_found)
    return out


def _describe_wrapping(key):
    return lambda made: collections.OrderedDict([(key, made.name), ("app", describe(made.app))])


_DESCRIBERS = {
    ("fakeapp.apps", "App"): _describe_fake_app,
    ("fakeapp.apps", "Filtered"): _describe_wrapping("filter"),
    ("fakeapp.apps", "Served"): _describe_wrapping("served_by"),
    ("fakeapp.apps", "Server"): lambda server: {"server": server.name},
    ("paste.urlmap", "URLMap"): _describe_urlmap,
    ("paste.cascade", "Cascade"): lambda cascade: collections.OrderedDict([
        ("cascade", [describe(app) for app in cascade.apps]),
        ("catch", sorted(cascade.catch_codes))]),
}


def plain(value):
    """Return value as JSON can have it; what it has no place for becomes a description."""
    if isinstance(value, dict):
        return collections.OrderedDict((str(k), plain(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return collections.OrderedDict([
        ("@python", type(value).__name__), ("repr", _ADDRESS.sub("", repr(value)))])


def error_of(error):
    """Return for JSON what an exception is."""
    told = raised("", error)
    out = collections.OrderedDict([("class", told["class"]), ("message", told["text"])])
    if told["bases"]:
        out["bases"] = told["bases"]
    return out


def raised(stage, error):
    """Return the description of an exception, as a Failed frame has it, and its bases.

    Addresses are left out of its text, and what a Python adds to the text of a
    RecursionError.
    """
    told = failure.describe(stage, error)
    told["text"] = _ADDRESS.sub("", told["text"])
    if isinstance(error, RecursionError):
        told["text"] = "maximum recursion depth exceeded"
    told["bases"] = [base.__name__ for base in type(error).__mro__[1:-1]
                     if base.__name__ not in ("Exception", "BaseException")]
    return told
