"""A worker's birth: the fork, and what a process must be rid of or do anew after it."""

import errno
import os
import signal
import sys
import time

from pasted_worker import greenlets, signals, streams

# Imported before the fork, so that no worker needs to; some Pythons lack it.
try:
    import ctypes
except ImportError:
    ctypes = None

PATIENCE = 10  # seconds until the server must have become the parent

_PR_SET_PDEATHSIG = 1


def fork():
    """Fork a worker that is the server's child; return whether this is it.

    The template forks a process that forks the worker and ends: so the worker
    becomes the child of the server, which is a subreaper, and the template may
    end without it. OSError in the template says that it could not be done.
    Greenlets do not get their turn meanwhile.
    """
    streams.flush()
    fork = greenlets.original("os", "fork")
    between = fork()
    if between:
        _await(between)
        return False
    try:
        worker = fork()
    except OSError as error:
        os._exit(error.errno or errno.EAGAIN)
    if worker:
        os._exit(0)
    signals.outlive()
    greenlets.after_fork()
    return True


def _await(between):
    """Wait for the end of the process between; its status is an errno or 0."""
    try:
        _, status = greenlets.original("os", "waitpid")(between, 0)
    except ChildProcessError:
        return  # the application ignores SIGCHLD, and so nothing is left to wait for
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        number = os.WEXITSTATUS(status)
        raise OSError(number, os.strerror(number))


def settle(server):
    """Make a forked process a worker of the server with this number.

    It leads a process group of its own, ends when the server does, and does
    not repeat another's random numbers. It exits if the server has gone.
    """
    os.setpgid(0, 0)
    deadline = time.monotonic() + PATIENCE
    while os.getppid() != server:
        if time.monotonic() > deadline:
            os._exit(1)
        greenlets.original("time", "sleep")(0.0005)
    _die_with_parent()
    if os.getppid() != server:
        os._exit(1)
    if sys.version_info < (3, 7) and "random" in sys.modules:
        sys.modules["random"].seed()  # later Pythons do it themselves


def _die_with_parent():
    if ctypes is None:
        return
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # the end of the control connection tells as well
