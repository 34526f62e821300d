"""SIGINT and SIGTERM, which a worker outlives: Pasted alone stops it.

Terminals and process managers send them to all processes at once. A worker that
died of them would take its requests with it, which Pasted still has answered.

They are not ignored but handled, for what is ignored stays so in the programs
that the application starts. A handler that the application sets up goes before.
"""

import os
import signal
import sys
import threading

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_owner = []  # the process that outlives them: not those that the application forks

_forking = threading.local()  # .mask is the thread's mask of signals before its fork


def outlive():
    """Have this process outlive them. For the main thread, and again after each fork of Pasted's."""
    if not _owner and hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_disown)
    _owner[:] = [os.getpid()]
    for number in _SIGNALS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _handle)


def _hold():
    """Have them wait until a process that is forked has its own ways with them."""
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def _release():
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _disown():
    """Have a process that has been forked end by them, as it would without us.

    At once, not when one comes: a signal that comes just before the process
    waits in a system call is handled only after that.
    """
    _take_signals()
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle:
            signal.signal(number, _default(number))
    _release()


def _take_signals():
    """Have this thread, the only one of a process that it has forked, handle signals.

    In PyPy they stay the first thread's, which may not be there.
    """
    if sys.implementation.name == "pypy":
        import __pypy__
        __pypy__.thread.signals_enabled.__enter__()


def _handle(number, frame):
    if os.getpid() not in _owner:
        # Forked by the application, by a Python that does not tell.
        signal.signal(number, _default(number))
        os.kill(os.getpid(), number)


def _default(number):
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
