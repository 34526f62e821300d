"""Makes modules importable that lie in no file."""

import imp
import sys


class SourceImporter(object):
    """Finds and loads the modules of a dict of sources by name (PEP 302).

    It keeps the sources, so that tracebacks can show their lines.
    """

    def __init__(self, sources):
        self._sources = sources

    def find_module(self, fullname, path=None):
        return self if fullname in self._sources else None

    def load_module(self, fullname):
        if fullname in sys.modules:
            return sys.modules[fullname]
        module = sys.modules[fullname] = imp.new_module(fullname)
        module.__file__ = self._origin(fullname)
        module.__loader__ = self
        if self.is_package(fullname):
            module.__path__ = []
            module.__package__ = fullname
        else:
            module.__package__ = fullname.rpartition(".")[0]
        try:
            exec(self.get_code(fullname), module.__dict__)
        except BaseException:
            sys.modules.pop(fullname, None)
            raise
        return module

    def is_package(self, fullname):
        return any(name.startswith(fullname + ".") for name in self._sources)

    def get_source(self, fullname):
        try:
            return self._sources[fullname]
        except KeyError:
            raise ImportError("no module named %r" % fullname)

    def get_code(self, fullname):
        return compile(self.get_source(fullname), self._origin(fullname), "exec", 0, True)

    def _origin(self, fullname):
        path = fullname.replace(".", "/")
        return "<pasted>/%s.py" % (path + "/__init__" if self.is_package(fullname) else path)


class Understudy(SourceImporter):
    """Finds and loads modules that nobody else has."""

    def find_module(self, fullname, path=None):
        if fullname not in self._sources:
            return None
        try:
            found = imp.find_module(fullname, path)
        except ImportError:
            return self
        if found[0] is not None:
            found[0].close()
        return None


def install(sources):
    """Make the modules of sources importable, before any others.

    Beside them there is pasted, what applications may use by its short name,
    unless a module of theirs has that name.
    """
    sys.meta_path[:0] = [
        SourceImporter(sources),
        Understudy({"pasted": sources["pasted_worker.public"]}),
    ]
