"""The Python side of Pasted for Python 2.7, and what applications may use of it.

Native strings are bytes here: text comes as UTF-8, a request's as it came. See
the package for Python 3, which has more; modules that both have are the same.
What __all__ names is there under the name pasted as well, see public.py.
"""

__all__ = ["after_fork"]

_after_fork = []


def after_fork(function):
    """Have function called, without arguments, in every worker before it serves.

    The functions run in the order of their registration; one that raises keeps
    its worker from serving. Returns function, so that it can be a decorator.
    """
    _after_fork.append(function)
    return function


def run_after_fork():
    """Call what has been registered. For the worker itself."""
    for function in _after_fork:
        function()
