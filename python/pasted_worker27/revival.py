"""Exceptions on their way from Pasted to Python.

What PasteDeploy would have raised comes as a class's name and a text, and
becomes that exception.
"""

import ast
import ConfigParser
import exceptions
import re

_OSERROR = re.compile(r"\[Errno (\d+)\] ([^:]*)(?:: (['\"].*))?", re.DOTALL)

# What this Python calls otherwise.
_NAMES = {
    "FileNotFoundError": "IOError", "PermissionError": "IOError", "IsADirectoryError": "IOError",
    "NotADirectoryError": "IOError", "ModuleNotFoundError": "ImportError",
    "RecursionError": "RuntimeError",
}


def revive(name, text):
    """Return the exception of class name whose str() is text.

    The name is a builtin class's or has its module before it; what is not known
    becomes a LookupError, and what is known by its attributes has its text alone.
    """
    module, _, plain = name.rpartition(".")
    if plain == "PackageNotFoundError":
        return _distribution_not_found(text)
    if module == "configparser":
        kind = getattr(ConfigParser, plain, ConfigParser.Error)
        error = kind.__new__(kind)
        ConfigParser.Error.__init__(error, text)
        return error
    kind = getattr(exceptions, _NAMES.get(plain, plain), None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return LookupError(text)
    if issubclass(kind, KeyError):
        return _key_error(kind, text)
    if issubclass(kind, EnvironmentError):
        return _os_error(kind, text)
    if issubclass(kind, UnicodeError):
        return ValueError(text)
    return kind(text)


def _distribution_not_found(text):
    try:
        from pkg_resources import DistributionNotFound
    except ImportError:
        return LookupError(text)
    return DistributionNotFound(text)


def _key_error(kind, text):
    try:
        return kind(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return kind(text)


def _os_error(kind, text):
    """Return the error with its errno, strerror and filename, as far as text has them."""
    match = _OSERROR.match(text)
    if match is None:
        return kind(text)
    number, reason, filename = match.groups()
    try:
        arguments = (ast.literal_eval(filename),) if filename else ()
    except (ValueError, SyntaxError):
        return kind(text)
    return kind(int(number), reason, *arguments)
