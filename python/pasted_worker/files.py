"""Which files the application is made of, for a Pasted that loads it anew when one changes.

Those of Python itself and of what is installed beside it are left out: they
are many and do not change.
"""

import importlib.util
import os
import site
import sys
import sysconfig


class Files:
    """The files of the modules that this process has imported.

    assets are further ones, each "package:path", where path may be a pattern.
    warn is called with a text about one that cannot be found.
    """

    def __init__(self, assets, warn):
        self._assets = assets
        self._warn = warn
        self._system = _system_directories()
        self._told = set()
        # Names of modules. Debian has a link to the first one, which is the
        # machine's, in Python's own directory.
        self._seen = {"sitecustomize"}

    def news(self):
        """Return the files that no call has returned before."""
        modules = [item for item in list(sys.modules.items()) if item[0] not in self._seen]
        self._seen.update(name for name, _ in modules)
        files = [_source(path) for path in (_file(module) for _, module in modules) if path]
        return self._new(files + self._resolve_assets())

    def of(self, error):
        """Return those and the others that may have to change where error was raised."""
        chain = _chain(error)
        passed = [os.path.abspath(path) for one in chain for path in _in_traceback(one)]
        # What is missing may come to lie anywhere: pip puts it beside what is installed.
        missing = [os.path.abspath(path) for one in chain for path in _missing(one)]
        return self._new(passed) + self._untold(missing) + self.news()

    def _new(self, files):
        return [p for p in self._untold(files) if not os.path.realpath(p).startswith(self._system)]

    def _untold(self, files):
        untold = []
        for path in files:
            if path not in self._told:
                self._told.add(path)
                untold.append(path)
        return untold

    def _resolve_assets(self):
        """Return what the assets are. They are resolved once: a fork has them."""
        assets, self._assets = self._assets, ()
        found = []
        for asset in assets:
            package, _, path = asset.partition(":")
            try:
                spec = importlib.util.find_spec(package)
                directory = list(spec.submodule_search_locations or [os.path.dirname(spec.origin)])[0]
            except Exception as error:
                self._warn("[pserve] watch_files: %s: the package %s cannot be found: %r" % (asset, package, error))
                continue
            found.append(os.path.abspath(os.path.join(directory, path)))
        return found


def _file(module):
    """Return where module comes from. What loads itself at a first touch is not touched."""
    try:
        path = vars(module).get("__file__")
    except TypeError:
        return None  # anything may stand in sys.modules
    return os.path.abspath(path) if isinstance(path, str) else None


def _source(path):
    """Return the source of a compiled module, if it is there."""
    if not path.endswith((".pyc", ".pyo")):
        return path
    try:
        source = importlib.util.source_from_cache(path)
    except ValueError:
        source = path[:-1]
    return source if os.path.exists(source) else path


def _system_directories():
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    try:
        paths.update(site.getsitepackages())
        if site.ENABLE_USER_SITE:
            paths.add(site.getusersitepackages())
    except AttributeError:
        pass  # an old virtualenv's site
    return tuple(os.path.realpath(path) + os.sep for path in paths if path)


def _chain(error):
    """Return error and the exceptions that led to it."""
    chain = []
    while error is not None and error not in chain:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _in_traceback(error):
    """Return the files that error has gone through, and the one that it is about."""
    paths = []
    tb = error.__traceback__
    while tb is not None:
        paths.append(tb.tb_frame.f_code.co_filename)
        tb = tb.tb_next
    if isinstance(error, SyntaxError):
        paths.append(error.filename or "")
    return [path for path in paths if path and not path.startswith("<")]


def _missing(error):
    """Return the files any one of which would be the module that error misses."""
    name = getattr(error, "name", None)
    if not isinstance(error, ImportError) or not isinstance(name, str) or not name:
        return []
    parent, _, last = name.rpartition(".")
    package = sys.modules.get(parent)
    directories = getattr(package, "__path__", ()) if parent else sys.path
    return [
        os.path.join(directory or os.curdir, *tail)
        for directory in list(directories) if isinstance(directory, str)
        for tail in ((last + ".py",), (last, "__init__.py"))]
