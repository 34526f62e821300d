"""A worker's birth: the fork, and what a process must be rid of or do anew after it."""

import ctypes
import errno
import os
import random
import signal
import time

from pasted_worker import signals, streams

PATIENCE = 10  # seconds until the server must have become the parent

_PR_SET_PDEATHSIG = 1


def fork():
    """Fork a worker that is the server's child; return whether this is it.

    The template forks a process that forks the worker and ends: so the worker
    becomes the child of the server, which is a subreaper, and the template may
    end without it. OSError in the template says that it could not be done.
    """
    streams.flush()
    between = os.fork()
    if between:
        _await(between)
        return False
    try:
        worker = os.fork()
    except OSError as error:
        os._exit(error.errno or errno.EAGAIN)
    if worker:
        os._exit(0)
    signals.outlive()
    return True


def _await(between):
    """Wait for the end of the process between; its status is an errno or 0."""
    while True:
        try:
            _, status = os.waitpid(between, 0)
            break
        except OSError as error:
            if error.errno == errno.ECHILD:
                return  # the application ignores SIGCHLD, and so nothing is left to wait for
            if error.errno != errno.EINTR:
                raise
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        number = os.WEXITSTATUS(status)
        raise OSError(number, os.strerror(number))


def settle(server):
    """Make a forked process a worker of the server with this number.

    It leads a process group of its own, ends when the server does, and does
    not repeat another's random numbers. It exits if the server has gone.
    """
    os.setpgid(0, 0)
    deadline = time.time() + PATIENCE
    while os.getppid() != server:
        if time.time() > deadline:
            os._exit(1)
        time.sleep(0.0005)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:
        os._exit(1)
    random.seed()
