"""The applications of mod_wsgi's tests: /NAME is that of NAME.wsgi.

The modules that they import are Apache's. What stands in for them has a value of
each name, and calls nobody back: events are mod_wsgi's own.
"""
import pathlib
import sys
import types


class Apaches(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


def make(global_conf, folder):
    for name in "apache", "mod_wsgi":
        sys.modules[name] = Apaches(name)
    applications = {}
    for path in pathlib.Path(folder, "tests").glob("*.wsgi"):
        names = {"__name__": path.stem, "__file__": str(path)}
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
        if "application" in names:
            applications["/" + path.stem] = names["application"]

    def application(environ, start_response):
        return applications[environ["PATH_INFO"]](environ, start_response)
    return application
