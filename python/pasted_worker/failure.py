"""Exceptions on their way between Pasted and Python.

What keeps a process from serving is described for Pasted; what PasteDeploy
would have raised comes from Pasted as a class's name and a text.
"""

import ast
import builtins
import configparser
import importlib
import os
import re
import traceback

try:
    from importlib.metadata import PackageNotFoundError
except ImportError:  # Python 3.6 and 3.7
    class PackageNotFoundError(ImportError):
        """Stands for the class of that name where there is no importlib.metadata."""

_HEADLINE = "Traceback (most recent call last):\n"

_OSERROR = re.compile(r"\[Errno (\d+)\] ([^:]*)(?:: (['\"].*))?", re.DOTALL)
_UNICODE_ERROR = re.compile(
    r"'([^']*)' codec can't decode bytes? (?:0x([0-9a-f]{2}) )?in position (\d+)(?:-(\d+))?: (.*)",
    re.DOTALL)


# From Python to Pasted.

def describe(stage, error):
    """Return the value of a Failed frame for error, raised in stage."""
    kind = type(error)
    name = kind.__qualname__
    if kind.__module__ != "builtins":
        name = "%s.%s" % (kind.__module__, name)
    return {
        "stage": stage,
        "class": _plain(name),
        "text": _text(error),
        "traceback": _plain(traceback_of(error)),
        "cause": _cause(error),
        "where": getattr(error, "pasted_section", None),
    }


def mark(error, section):
    """Note on error the section, {"section", "file", "line"}, that it was raised for.

    The innermost section comes first, and stays.
    """
    if hasattr(error, "pasted_section"):
        return
    try:
        error.pasted_section = section
    except (AttributeError, TypeError):
        pass  # a class without room for it


def traceback_of(error):
    """Return error's traceback as Python prints it, from the application's code on."""
    tb = error.__traceback__
    while tb is not None and _own(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, tb))
    except Exception:  # of the application's __str__, say
        text = "%s (its traceback cannot be had)\n" % type(error).__name__
    # Where no frame is left Python leaves the headline out, for which logs
    # and people look.
    return text if text.startswith(_HEADLINE) else _HEADLINE + text


def _own(filename):
    """Say whether the code is Pasted's, or what imports for it."""
    return filename.startswith(_OWN) or filename == "<string>"


_OWN = (
    _own.__code__.co_filename.rpartition("/")[0] + "/",
    "<frozen importlib",
    os.path.dirname(importlib.__file__) + os.sep,
)


def _plain(text):
    """Return text as UTF-8 can carry it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _text(error):
    try:
        return _plain(str(error))
    except Exception as second:
        return "(its text cannot be had: %s)" % type(second).__name__


def _cause(error):
    """Return where the first cause of error was raised, None if that is unknown."""
    error = _first(error)
    if isinstance(error, SyntaxError) and error.filename:
        place = (error.filename, error.lineno, error.text)
    else:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not _own(f.filename)]
        if not frames:
            return None
        place = (frames[-1].filename, frames[-1].lineno, frames[-1].line)
    filename, line, text = place
    return {"file": _plain(os.path.abspath(filename)), "line": line or 0, "text": _plain((text or "").strip())}


def _first(error):
    """Return what was raised first of the exceptions that led to error."""
    seen = {id(error)}
    while True:
        before = error.__cause__
        if before is None and not error.__suppress_context__:
            before = error.__context__
        if before is None or before.__traceback__ is None or id(before) in seen:
            return error
        seen.add(id(before))
        error = before


# From Pasted to Python.

def revive(name, text):
    """Return the exception of class name whose str() is text.

    The name is a builtin class's or has its module before it; what is not known
    becomes a LookupError.
    """
    module, _, plain = name.rpartition(".")
    if plain == "PackageNotFoundError":
        return _package_not_found(text)
    kind = getattr(configparser if module == "configparser" else builtins, plain, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return LookupError(text)
    if issubclass(kind, configparser.Error):
        return _configparser_error(kind, text)
    if issubclass(kind, KeyError):
        return _key_error(kind, text)
    if issubclass(kind, OSError):
        return _os_error(kind, text)
    if issubclass(kind, UnicodeError):
        return _unicode_error(text)
    return kind(text)


def _package_not_found(text):
    error = PackageNotFoundError(text.replace("No package metadata was found for ", "", 1))
    return error if str(error) == text else PackageNotFoundError(text)


def _configparser_error(kind, text):
    error = kind.__new__(kind)
    configparser.Error.__init__(error, text)
    return error


def _key_error(kind, text):
    try:
        return kind(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return kind(text)


def _os_error(kind, text):
    """Return the error with its errno, strerror and filename, as far as text has them."""
    match = _OSERROR.fullmatch(text)
    if match is None:
        return kind(text)
    number, reason, filename = match.groups()
    try:
        arguments = (ast.literal_eval(filename),) if filename else ()
    except (ValueError, SyntaxError):
        return kind(text)
    return OSError(int(number), reason, *arguments)


def _unicode_error(text):
    match = _UNICODE_ERROR.fullmatch(text)
    if match is None:
        return ValueError(text)
    codec, byte, start, end, reason = match.groups()
    start = int(start)
    end = int(end) + 1 if end else start + 1
    data = bytes(start) + bytes([int(byte or "0", 16)]) * (end - start)
    return UnicodeDecodeError(codec, data, start, end, reason)
