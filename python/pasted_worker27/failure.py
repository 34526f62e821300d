"""Exceptions on their way from Python to Pasted: what keeps a process from serving.

An exception does not know here where it was raised: what is passed on is
sys.exc_info().
"""

import importlib
import os
import sys
import traceback

from pasted_worker.text import utf8

_HEADLINE = "Traceback (most recent call last):\n"


def describe(stage, exc_info=None):
    """Return the value of a Failed frame for what was raised in stage, or is being handled."""
    exc_info = exc_info or sys.exc_info()
    error = exc_info[1]
    kind = getattr(error, "__class__", type(error))
    name = kind.__name__
    if kind.__module__ != "exceptions":
        name = "%s.%s" % (kind.__module__, name)
    return {
        "stage": stage,
        "class": name,
        "text": _text(error),
        "traceback": traceback_of(exc_info),
        "cause": _cause(exc_info),
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


def note(error, message):
    """Have error's traceback end with message, file and line; its text stays PasteDeploy's."""
    if message and message != str(error):
        error.pasted_note = message


def traceback_of(exc_info):
    """Return the traceback as Python prints it, from the application's code on."""
    kind, error, tb = exc_info
    while tb is not None and _own(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        text = "".join([utf8(line) for line in traceback.format_exception(kind, error, tb)])
    except Exception:  # of the application's __str__, say
        text = "%s (its traceback cannot be had)\n" % getattr(kind, "__name__", kind)
    if getattr(error, "pasted_note", None):
        text += utf8(error.pasted_note) + "\n"
    return text if text.startswith(_HEADLINE) else _HEADLINE + text


def _own(filename):
    """Say whether the code is Pasted's, or what imports for it."""
    return filename.startswith(_OWN) or filename == "<string>"


_OWN = (
    _own.__code__.co_filename.rpartition("/")[0] + "/",
    os.path.dirname(importlib.__file__) + os.sep,
)


def _text(error):
    try:
        return utf8(str(error))
    except UnicodeError:
        return utf8(unicode(error))
    except Exception as second:
        return "(its text cannot be had: %s)" % type(second).__name__


def _cause(exc_info):
    """Return where the error was raised, None if that is unknown."""
    error = exc_info[1]
    if isinstance(error, SyntaxError) and error.filename:
        filename, line, text = error.filename, error.lineno, error.text
    else:
        frames = [f for f in traceback.extract_tb(exc_info[2]) if not _own(f[0])]
        if not frames:
            return None
        filename, line, _, text = frames[-1]
    return {"file": os.path.abspath(filename), "line": line or 0, "text": utf8((text or "").strip())}
