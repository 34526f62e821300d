"""The logging sections of a file, applied as pserve applies them."""

import logging
import logging.config
import os
import sys

from pasted_worker import failure


def configure(path, variables):
    """Apply them, with here, __file__ and the variables; an error says in which section it stands."""
    path = os.path.abspath(path)
    defaults = {"__file__": path, "here": os.path.dirname(path)}
    defaults.update(variables)
    try:
        logging.config.fileConfig(path, defaults, disable_existing_loggers=False)
    except BaseException as error:
        section = _reached(sys.exc_info()[2])
        lines = _headers(path)
        for place in (section, "loggers"):
            if place in lines:
                failure.mark(error, {"section": place, "file": path, "line": lines[place]})
                break
        raise


def _reached(tb):
    """Return the section that fileConfig was at when it raised."""
    section = "loggers"
    while tb is not None:
        function, names = tb.tb_frame.f_code, tb.tb_frame.f_locals
        if function.co_filename.rpartition(".")[0] == logging.config.__file__.rpartition(".")[0]:
            name = names.get("sectname")
            if isinstance(name, str):
                section = name
        tb = tb.tb_next
    return section


def _headers(path):
    """Return the lines of the sections' headers by their names."""
    try:
        with open(path) as f:
            return dict((line[1:line.index("]")], number) for number, line in enumerate(f, 1)
                        if line.startswith("[") and "]" in line)
    except EnvironmentError:
        return {}  # which is what is wrong
