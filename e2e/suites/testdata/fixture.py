"""The application of a module: object of module, both named in the file."""
import importlib


def make(global_conf, module, object):
    app = getattr(importlib.import_module(module), object)

    def named(environ, start_response):
        """The application sees a REMOTE_HOST, as waitress has it."""
        environ.setdefault("REMOTE_HOST", environ["REMOTE_ADDR"])
        return app(environ, start_response)

    return named
