"""The Python side of Pasted, and what applications may use of it.

An application that needs to do something in each worker after the fork, such
as opening a connection that must not be shared, says so while it is loaded:

    import pasted_worker

    @pasted_worker.after_fork
    def connect():
        ...

What __all__ names is there under the name pasted as well, see public.py.
"""

from pasted_worker.deadline import ClientDisconnected, DeadlineExceeded, Interrupted

__all__ = ["after_fork", "before_refork", "ClientDisconnected", "DeadlineExceeded", "Interrupted"]

_after_fork = []
_before_refork = []


def after_fork(function):
    """Have function called, without arguments, in every worker before it serves.

    The functions run in the order of their registration; one that raises keeps
    its worker from serving. Returns function, so that it can be a decorator.
    """
    _after_fork.append(function)
    return function


def before_refork(function):
    """Have function called, without arguments, in a worker that is to become the template.

    That is the case with reforks in [pasted:workers]. The worker serves no
    more; what it must not share with those that are forked from it, such as a
    connection, can be closed. The functions run in the order of their
    registration; one that raises ends the worker, and the template stays.
    Returns function, so that it can be a decorator.
    """
    _before_refork.append(function)
    return function


def run_before_refork():
    """Call what has been registered. For the worker itself."""
    for function in _before_refork:
        function()


def run_after_fork():
    """Call what has been registered. For the worker itself."""
    for function in _after_fork:
        function()
