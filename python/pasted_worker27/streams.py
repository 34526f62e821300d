"""The standard streams, which the application may have closed or replaced."""

import os
import sys


def flush():
    """Write out what they hold: a fork would double it, and _exit() lose it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, EnvironmentError, ValueError):
            pass  # replaced by nothing, or closed


def write_lines_at_once():
    """Have each line written as it ends, terminal or not."""
    try:
        sys.stdout = os.fdopen(sys.stdout.fileno(), "w", 1)
    except (AttributeError, EnvironmentError, ValueError):
        pass  # no such stream
