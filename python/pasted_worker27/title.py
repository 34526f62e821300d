"""What the process list shows of this process.

A forked worker would show its template's arguments. Linux reads them from the
process's own memory, where this module writes others; elsewhere nothing changes.
"""

import ctypes

PR_SET_NAME = 15

_place = []


def prepare():
    """Find the memory of the arguments. To be called once, before any fork."""
    _place[:] = []
    try:
        with open("/proc/self/stat", "rb") as f:
            # The name, in brackets, may hold anything; proc(5) counts from 1.
            fields = f.read().rpartition(")")[2].split()
        start, end = int(fields[48 - 3]), int(fields[49 - 3])
        with open("/proc/self/cmdline", "rb") as f:
            if len(f.read()) == end - start > 0:
                _place[:] = [start, end - start]
    except (EnvironmentError, ValueError, IndexError):
        pass


def set(title):
    """Show title, as much of it as the first arguments had room for."""
    if not _place:
        return
    start, size = _place
    data = title[:size - 1]
    try:
        ctypes.memmove(start, data + "\0" * (size - len(data)), size)
        ctypes.CDLL(None).prctl(PR_SET_NAME, " ".join(title.split()[:2])[:15], 0, 0, 0)
    except (OSError, AttributeError):
        pass
