"""Loaders: what a composite's factory, and whoever else holds a context, asks.

A loader decides nothing: it puts each question to Pasted, which has resolved
the file that the context stands in, and makes a context of the answer.
"""

import re
import sys

from pasted_worker import failure
from pasted_worker.objects import Objects, plain_text


class ObjectType:
    """What a context is: PasteDeploy's APP, FILTER, SERVER and so on."""

    def __init__(self, name, kind, egg_protocols, config_prefixes):
        self.name = name
        self.kind = kind  # what Pasted calls what can be asked for by name
        self.egg_protocols = egg_protocols
        self.config_prefixes = config_prefixes

    def __repr__(self):
        return "<%s protocols=%r prefixes=%r>" % (self.name, self.egg_protocols, self.config_prefixes)

    def invoke(self, context):
        """Build what context stands for."""
        return context.create()


APP = ObjectType(
    "application", "app",
    [["paste.app_factory"], ["paste.composite_factory"], ["paste.composit_factory"]],
    [["app", "application"], ["composite", "composit"], ["pipeline"], ["filter-app"]])
FILTER = ObjectType("filter", "filter", [["paste.filter_factory", "paste.filter_app_factory"]], [["filter"]])
SERVER = ObjectType("server", "server", [["paste.server_factory", "paste.server_runner"]], [["server"]])
PIPELINE = ObjectType("pipeline", None, [], [])
FILTER_APP = ObjectType("filter_app", None, [], [])
FILTER_WITH = ObjectType("filtered_with", None, APP.egg_protocols, APP.config_prefixes)

_NAMES = {
    "application": "APP", "filter": "FILTER", "server": "SERVER",
    "pipeline": "PIPELINE", "filter_app": "FILTER_APP", "filtered_with": "FILTER_WITH",
}
_ABSOLUTE = re.compile("^[a-zA-Z]+:")


def object_type(name):
    """Return the type with this name: PasteDeploy's own if the application has it imported.

    Nobody can compare a context's with PasteDeploy's in another case.
    """
    library = sys.modules.get("paste.deploy.loadwsgi")
    return getattr(library, _NAMES[name], None) or globals()[_NAMES[name]]


def _kind(given):
    """Return "app", "filter" or "server" for an object type, Pasted's or PasteDeploy's."""
    name = getattr(given, "name", given)
    for known in (APP, FILTER, SERVER):
        if name in (known.name, known.kind):
            return known.kind
    raise TypeError("object_type is %r: want APP, FILTER or SERVER of paste.deploy.loadwsgi" % (given,))


class Loader:
    """Resolves names as seen from one context. See its subclasses."""

    def __init__(self, number, asker, context):
        self._number = number  # of the context, by which Pasted knows it
        self._asker = asker
        self._context = context  # makes one of an answer's tree and an asker

    def get_app(self, name=None, global_conf=None):
        return self.app_context(name=name, global_conf=global_conf).create()

    def get_filter(self, name=None, global_conf=None):
        return self.filter_context(name=name, global_conf=global_conf).create()

    def get_server(self, name=None, global_conf=None):
        return self.server_context(name=name, global_conf=global_conf).create()

    def app_context(self, name=None, global_conf=None):
        return self.get_context(APP, name=name, global_conf=global_conf)

    def filter_context(self, name=None, global_conf=None):
        return self.get_context(FILTER, name=name, global_conf=global_conf)

    def server_context(self, name=None, global_conf=None):
        return self.get_context(SERVER, name=name, global_conf=global_conf)

    def absolute_name(self, name):
        """Return something true if name begins with a scheme."""
        if name is None:
            return False
        return _ABSOLUTE.search(name)

    def get_context(self, object_type, name=None, global_conf=None):
        """Return the context of a name or URI."""
        objects = Objects()
        answer = self._ask(
            objects, type=_kind(object_type), name=_text_or_none(name),
            global_conf=None if global_conf is None else objects.hide(global_conf))
        tree = objects.show(answer["context"])
        if global_conf and not tree["section"] and tree["loader"].startswith(("egg:", "call:")):
            # No section has made one of its own, so it is this very object.
            tree["global_conf"] = global_conf
        return self._context(tree, self._asker)

    def _ask(self, objects=None, **question):
        from pasted_worker import context  # which imports this module
        answer = self._asker.ask(dict(question, context=self._number))
        for reference in answer.get("imports", ()):
            context.load_object(reference)
        if "error" not in answer:
            return answer
        from pasted_worker import revival
        told = answer["error"]
        error = objects and objects.error(told["text"]) or revival.revive(told["class"], told["text"])
        failure.note(error, told.get("message"))
        if told.get("where"):
            failure.mark(error, told["where"])
        raise error


def _text_or_none(name):
    """Return name as Pasted can be asked for it, or raise what PasteDeploy would."""
    if name is None:
        return None
    _ABSOLUTE.search(name)  # which says what it wants
    return plain_text(name)


class ConfigLoader(Loader):
    """A loader of a file. filename is its name as it was asked for, with the directory."""

    def __init__(self, filename, number, asker, context):
        Loader.__init__(self, number, asker, context)
        self.filename = filename
        self._parser = None

    def find_config_section(self, object_type, name=None):
        """Return the section that a name means, as it stands between the brackets."""
        return self._ask(ask="section", type=_kind(object_type), name=_text_or_none(name))["section"]

    @property
    def parser(self):
        """The file as it was loaded, in a ConfigParser. For looking only."""
        if self._parser is None:
            from pasted_worker.parser import Parser
            answer = self._ask(ask="file")
            self._parser = Parser(self.filename, answer["defaults"], answer["sections"])
        return self._parser


class EggLoader(Loader):
    """A loader of a distribution. spec is its name."""

    def __init__(self, spec, number, asker, context):
        Loader.__init__(self, number, asker, context)
        self.spec = spec

    def find_egg_entry_point(self, object_type, name=None):
        """Return an entry point's object, its protocol and its name."""
        found = self.get_context(object_type, name="main" if name is None else name)
        return found.object, found.protocol, found.entry_point_name


class FuncLoader(Loader):
    """A loader of one object. spec names it, and no name that is asked for changes it."""

    def __init__(self, spec, number, asker, context):
        Loader.__init__(self, number, asker, context)
        self.spec = spec


def prepare():
    """Import what answers need, before a factory is given a loader.

    Most files have none that is. The factory may ask from several threads and
    fork between them, or until no frames are left: an import would end in neither.
    """
    from pasted_worker import parser, revival  # noqa: F401


_LOADERS = {"config": ConfigLoader, "egg": EggLoader, "call": FuncLoader}


def make(tree, asker, context):
    """Return the loader of the context of tree."""
    scheme, _, spec = tree["loader"].partition(":")
    loader = _LOADERS[scheme](spec, tree["id"], asker, context)
    loader.uri = tree["loader"]
    return loader
