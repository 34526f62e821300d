"""What is said of an exception that keeps a process from serving."""

import importlib
import os
import traceback

OWN = "<pasted>"
_IMPORTLIB = os.path.dirname(importlib.__file__) + os.sep


def describe(stage, error):
    """Return the value of a Failed frame for error, raised in stage."""
    kind = type(error)
    name = kind.__name__ if kind.__module__ == "builtins" else "%s.%s" % (kind.__module__, kind.__qualname__)
    return {
        "stage": stage,
        "class": name,
        "text": _text(error),
        "traceback": _traceback(error),
        "cause": _cause(error),
        "where": getattr(error, "pasted_section", None),
    }


def _text(error):
    try:
        return str(error)
    except Exception as second:
        return "(its text cannot be had: %s)" % type(second).__name__


def _traceback(error):
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None and _own(tb):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(error), error, tb))


def _own(tb):
    name = tb.tb_frame.f_code.co_filename
    return name.startswith(OWN) or name == "<string>" or name.startswith("<frozen importlib")


def _cause(error):
    """Return where the first cause was raised, or None if that is unknown."""
    seen = set()
    while id(error) not in seen:
        seen.add(id(error))
        before = error.__cause__
        if before is None and not error.__suppress_context__:
            before = error.__context__
        if before is None or before.__traceback__ is None:
            break
        error = before
    if isinstance(error, SyntaxError) and error.filename:
        return {"file": error.filename, "line": error.lineno or 0, "text": (error.text or "").strip()}
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if not f.filename.startswith((OWN, "<frozen importlib", _IMPORTLIB)) and f.filename != "<string>"]
    if not frames:
        return None
    last = frames[-1]
    return {"file": os.path.abspath(last.filename), "line": last.lineno or 0, "text": last.line or ""}
