"""The application of a module: object of module, both named in the file."""
import importlib


def make(global_conf, module, object):
    return getattr(importlib.import_module(module), object)
