"""Makes modules importable that lie in no file.

Every process imports this one first: it does without importlib.abc, which takes
a third of the standard library along.
"""

import sys
from importlib.machinery import ModuleSpec


class SourceImporter:
    """Finds and loads the modules of a dict of sources by name.

    It keeps the sources, so that tracebacks can show their lines.
    """

    def __init__(self, sources):
        self._sources = sources
        self._compiled = {}

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self._sources:
            return None
        return ModuleSpec(
            fullname, self, origin=self._origin(fullname), is_package=self.is_package(fullname))

    def create_module(self, spec):
        return None  # as Python makes them

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    def is_package(self, fullname):
        return any(name.startswith(fullname + ".") for name in self._sources)

    def get_source(self, fullname):
        try:
            return self._sources[fullname]
        except KeyError:
            raise ImportError("no module named %r" % fullname, name=fullname)

    def get_code(self, fullname):
        return self._compiled.pop(fullname, None) or self._compile(fullname)

    def compile_ahead(self, names):
        """Compile modules that will be imported, and import none."""
        for name in names:
            self._compiled[name] = self._compile(name)

    def _compile(self, fullname):
        return compile(self.get_source(fullname), self._origin(fullname), "exec", dont_inherit=True)

    def _origin(self, fullname):
        path = fullname.replace(".", "/")
        return "<pasted>/%s.py" % (path + "/__init__" if self.is_package(fullname) else path)


class Understudy(SourceImporter):
    """Finds and loads modules that nobody else has.

    A folder of that name on the path, which is no package, does not count.
    """

    def find_spec(self, fullname, path=None, target=None):
        if fullname in self._sources and not self._is_elsewhere(fullname, path, target):
            return super().find_spec(fullname, path, target)
        return None

    def _is_elsewhere(self, fullname, path, target):
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.origin not in (None, "namespace"):
                return True
        return False


def install(sources):
    """Make the modules of sources importable, before any others.

    Beside them there is pasted, what applications may use by its short name,
    unless a module of theirs has that name.
    """
    sys.meta_path[:0] = [
        SourceImporter(sources),
        Understudy({"pasted": sources["pasted_worker.public"]}),
    ]
