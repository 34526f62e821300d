"""The standard streams, which the application may have closed or replaced."""

import sys


def flush():
    """Write out what they hold: a fork would double it, and _exit() lose it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # replaced by nothing, or closed


def write_lines_at_once():
    """Have each line written as it ends, terminal or not."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.reconfigure(line_buffering=True)
        except (AttributeError, OSError, ValueError):
            pass  # Python 3.6, or no such stream
