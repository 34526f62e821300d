"""Exceptions on their way from Python to Pasted: what keeps a process from serving."""

import importlib
import os
import traceback

_HEADLINE = "Traceback (most recent call last):\n"


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


def note(error, message):
    """Have error's traceback end with message, file and line; its text stays PasteDeploy's."""
    if not message or message == str(error):
        return
    if hasattr(error, "add_note"):
        error.add_note(message)
    else:
        error.pasted_note = message


def traceback_of(error):
    """Return error's traceback as Python prints it, from the application's code on."""
    tb = error.__traceback__
    while tb is not None and _own(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        text = "".join(traceback.format_exception(type(error), error, tb))
    except Exception:  # of the application's __str__, say
        text = "%s (its traceback cannot be had)\n" % type(error).__name__
    if hasattr(error, "pasted_note"):
        text += error.pasted_note + "\n"  # which Pythons before 3.11 do not know
    # Where no frame is left Python leaves the headline out, for which logs
    # and people look.
    return text if text.startswith(_HEADLINE) else _HEADLINE + text


def request_line(environ):
    """Return a request's method and target, of which whatever the application has left."""
    words = []
    for key in ("REQUEST_METHOD", "REQUEST_URI"):
        word = environ.get(key) if isinstance(environ, dict) else None
        if not isinstance(word, str) or not word.isprintable() or " " in word:
            word = "?"
        words.append(word[:1024] or "?")
    return " ".join(words)


def page(traceback_text, environ):
    """Return a page of HTML with a traceback, for whoever writes the application."""
    number = environ.get("pasted.request_id", "") if isinstance(environ, dict) else ""
    title = traceback_text.rstrip("\n").rpartition("\n")[2]
    return _PAGE % {
        "title": _escape(title[:500]), "request": _escape(request_line(environ)),
        "number": _escape(str(number)), "traceback": _escape(traceback_text),
    }


def _escape(text):
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#39;")):
        text = text.replace(character, entity)
    return text


_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>%(title)s</title>
<style>
body { font: 16px/1.4 sans-serif; margin: 2em }
pre { background: #f4f4f4; color: #111; padding: 1em; overflow: auto }
</style>
<h1>%(title)s</h1>
<p>The application has raised this for <code>%(request)s</code>, request %(number)s.</p>
<pre>%(traceback)s</pre>
<p>You see it because <code>[pasted:workers]</code> has <code>debug = true</code> and you are on
the machine of the server.</p>
</html>
"""


def _own(filename):
    """Say whether the code is Pasted's, or what imports for it."""
    return filename.startswith(_OWN) or filename == "<string>"


_OWN = (
    _own.__code__.co_filename.rpartition("/")[0] + "/",
    "<frozen importlib",
    "<builtin>/frozen importlib",  # PyPy's name for it
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
