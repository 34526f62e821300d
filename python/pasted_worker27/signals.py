"""SIGINT and SIGTERM, which a worker outlives: Pasted alone stops it.

Terminals and process managers send them to all processes at once. A worker that
died of them would take its requests with it, which Pasted still has answered.

They are not ignored but handled, for what is ignored stays so in the programs
that the application starts. A handler that the application sets up goes before.
"""

import os
import signal

from pasted_worker import forks

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_owner = []  # the process that outlives them: not those that the application forks


def outlive():
    """Have this process outlive them. For the main thread, and again after each fork of Pasted's."""
    if not _owner:
        forks.in_child(_disown)
    _owner[:] = [os.getpid()]
    for number in _SIGNALS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _handle)


def _disown():
    """Have a process that has been forked end by them, as it would without us.

    At once, not when one comes: a signal that comes just before the process
    waits in a system call is handled only after that.
    """
    for number in _SIGNALS:
        if signal.getsignal(number) is _handle:
            try:
                signal.signal(number, _default(number))
            except ValueError:
                pass  # a thread has forked that is not the main one: _handle sees to it


def _handle(number, frame):
    if os.getpid() not in _owner:  # forked while it came
        signal.signal(number, _default(number))
        os.kill(os.getpid(), number)


def _default(number):
    return signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
