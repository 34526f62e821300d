"""How what the application does for a request is stopped, in its thread alone.

Python can raise an exception in another thread, at its next bytecode. It must
come up in the application's code: in ours it could tear a frame apart, and in
the next request's it would hit the wrong one. So each lane says, in a cell,
whose request its thread is in the application for, and 0 while it is in ours;
the thread's own look at the cell and the raising are one step for all others.
"""

import sys
import traceback


class Interrupted(BaseException):
    """What the application does for a request is to stop.

    It derives from BaseException, as KeyboardInterrupt does, so that code which
    goes on after any Exception does not go on after this one.
    """

    __module__ = "pasted"
    reason = "the request is to stop"

    def __init__(self, *args):
        super().__init__(*(args or (self.reason,)))


class DeadlineExceeded(Interrupted):
    """A request takes longer than it may; its client has been answered 504."""

    __module__ = "pasted"
    reason = "the request takes longer than it may"


class ClientDisconnected(Interrupted):
    """The client of a request has gone, and cancel_on_disconnect is set."""

    __module__ = "pasted"
    reason = "the client has gone"


_calls = []  # raising in a thread, and taking that back


def _load():
    """Have _calls filled: ctypes costs time that most processes never need.

    Raise NotImplementedError where no look and raising are one step (a module of
    the application's may switch the lock on), or where nothing raised can be taken
    back.
    """
    if sys.implementation.name == "pypy":
        raise NotImplementedError("PyPy cannot take back what is raised in it")
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        raise NotImplementedError("this Python runs without its lock")
    if not _calls:
        import ctypes
        where = ("PyThreadState_SetAsyncExc", ctypes.pythonapi)
        strike = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.py_object)(where)
        clear = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)(where)
        _calls[:] = strike, clear
    return _calls


def strike(cell, number, thread, exception):
    """Raise exception in thread if cell has number now, and return whether it will come.

    From the look at the cell to the raising all is one call into C, in which no
    other thread gets its turn.
    """
    raise_in = _load()[0]
    return list(map(raise_in, map({number: thread}.get, cell, (0,)), (exception,))) == [1]


def unstrike(thread):
    """Take back what has been raised in thread and has not come up."""
    if _calls:
        _calls[1](thread, None)


def stack_of(thread):
    """Return what thread is doing, as lines, or an empty text if it has ended."""
    frame = sys._current_frames().get(thread)
    return "".join(traceback.format_stack(frame)).rstrip("\n") if frame else ""
