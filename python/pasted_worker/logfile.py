"""The logging sections of a file, applied as pserve applies them."""

import logging
import logging.config
import os

from pasted_worker import failure


def configure(path, variables):
    """Apply them, with here, __file__ and the variables; an error says in which section it stands."""
    path = os.path.abspath(path)
    defaults = {"__file__": path, "here": os.path.dirname(path)}
    defaults.update(variables)
    try:
        logging.config.fileConfig(path, defaults, disable_existing_loggers=False)
    except BaseException as error:
        _blame(error, path)
        raise


def _blame(error, path):
    """Note on error the section and the line that fileConfig was at, and what it lacks."""
    lines = _headers(path)
    group, section = _reached(error)
    for place, missing in ((section, None), (group, section), ("loggers", group)):
        if place in lines:
            failure.mark(error, {"section": place, "file": path, "line": lines[place]})
            if missing:
                failure.note(error, "%s:%d: [%s]: want a section [%s]" % (path, lines[place], place, missing))
            return


def _reached(error):
    """Return the group of sections, and the section, that fileConfig was at when it raised error."""
    group = section = "loggers"
    tb = error.__traceback__
    while tb is not None:
        function, names = tb.tb_frame.f_code, tb.tb_frame.f_locals
        if function.co_filename == logging.config.__file__ and function.co_name in _STEPS:
            group, prefix, variable = _STEPS[function.co_name]
            name = names.get(variable)
            section = prefix + getattr(name, "name", name) if name else group
        tb = tb.tb_next
    return group, section


# fileConfig's functions: the section that each begins with, how those that it
# goes on to begin, and which variable has the rest. That of loggers is the root
# logger itself at first.
_STEPS = {
    "_create_formatters": ("formatters", "formatter_", "form"),
    "_install_handlers": ("handlers", "handler_", "hand"),
    "_install_loggers": ("loggers", "logger_", "log"),
}


def _headers(path):
    """Return the lines of the sections' headers by their names."""
    try:
        with open(path, errors="replace") as f:
            return {line[1:line.index("]")]: number for number, line in enumerate(f, 1)
                    if line.startswith("[") and "]" in line}
    except OSError:
        return {}  # which is what is wrong
