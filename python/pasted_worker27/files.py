"""Which files the application is made of, for a Pasted that loads it anew when one changes.

Those of Python itself and of what is installed beside it are left out: they
are many and do not change.
"""

import os
import pkgutil
import sys
import sysconfig


class Files(object):
    """The files of the modules that this process has imported.

    assets are further ones, each "package:path", where path may be a pattern.
    warn is called with a text about one that cannot be found.
    """

    def __init__(self, assets, warn):
        self._assets = assets
        self._warn = warn
        paths = set(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
        paths.add(os.path.dirname(os.__file__))
        self._system = tuple(os.path.realpath(path) + os.sep for path in paths if path)
        self._told = set()
        self._seen = set(["sitecustomize"])

    def news(self):
        """Return the files that no call has returned before."""
        modules = [item for item in sys.modules.items() if item[0] not in self._seen]
        self._seen.update(name for name, _ in modules)
        files = [_source(path) for path in (_file(module) for _, module in modules) if path]
        return self._new(files + self._resolve_assets())

    def of(self, exc_info):
        """Return those and the others that may have to change where something was raised."""
        paths, tb = [], exc_info[2]
        while tb is not None:
            paths.append(tb.tb_frame.f_code.co_filename)
            tb = tb.tb_next
        if isinstance(exc_info[1], SyntaxError):
            paths.append(exc_info[1].filename or "")
        passed = [os.path.abspath(_source(path)) for path in paths if path and not path.startswith("<")]
        return self._new(passed) + self.news()

    def _new(self, files):
        untold = []
        for path in files:
            if path not in self._told:
                self._told.add(path)
                if not os.path.realpath(path).startswith(self._system):
                    untold.append(path)
        return untold

    def _resolve_assets(self):
        """Return what the assets are. They are resolved once: a fork has them."""
        assets, self._assets = self._assets, ()
        found = []
        for asset in assets:
            package, _, path = asset.partition(":")
            try:
                directory = os.path.dirname(pkgutil.get_loader(package).get_filename())
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
        return None  # None stands for what is not there
    return os.path.abspath(path) if isinstance(path, str) and not path.startswith("<") else None


def _source(path):
    """Return the source of a compiled module, if it is there."""
    if path.endswith((".pyc", ".pyo")) and os.path.exists(path[:-1]):
        return path[:-1]
    return path
