"""Distributions, by whatever this Python has for them."""

import importlib

# Before Python 3.8 there was but what others had installed.
_WAYS = (
    ("importlib.metadata", "distribution"),
    ("importlib_metadata", "distribution"),
    ("pkg_resources", "get_distribution"),
)


def distribution(name):
    """Return the installed distribution of that name, None if there is none or no way to tell."""
    for module, function in _WAYS:
        try:
            find = getattr(importlib.import_module(module), function)
        except ImportError:
            continue
        try:
            return find(name)
        except Exception:  # not there, or its metadata cannot be read
            return None
    return None
