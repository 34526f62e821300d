"""What the process list shows of this process.

A forked worker would show its template's arguments. Linux reads them from the
process's own memory, where this module writes others; elsewhere nothing changes.
"""

try:
    import ctypes
except ImportError:  # some Pythons lack it
    ctypes = None

PR_SET_NAME = 15


def prepare():
    """Find the memory of the arguments. To be called once, before any fork."""
    _place[:] = []
    try:
        with open("/proc/self/stat", "rb") as f:
            # The name, in brackets, may hold anything; proc(5) counts from 1.
            fields = f.read().rpartition(b")")[2].split()
        start, end = int(fields[48 - 3]), int(fields[49 - 3])
        with open("/proc/self/cmdline", "rb") as f:
            if ctypes is not None and len(f.read()) == end - start > 0:
                _place[:] = [start, end - start]
    except (OSError, ValueError, IndexError):
        pass


_place = []


def set(title):
    """Show title, as much of it as the first arguments had room for."""
    if not _place:
        return
    start, size = _place
    data = title.encode("utf-8", "surrogateescape")[:size - 1]
    try:
        ctypes.memmove(start, data + b"\0" * (size - len(data)), size)
        ctypes.CDLL(None).prctl(PR_SET_NAME, " ".join(title.split()[:2]).encode("ascii", "replace")[:15], 0, 0, 0)
    except (OSError, AttributeError):
        pass
