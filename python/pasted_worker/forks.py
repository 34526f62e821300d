"""Tells of processes that the application forks, where Python does not: before 3.7.

Those that a C extension forks, or whoever has taken os.fork before, are not told of.
"""

import os

_in_child = []


def in_child(function):
    """Have function called in every process that is forked from now on."""
    if not _in_child:
        os.fork, os.forkpty = _told(os.fork), _told(os.forkpty)
    _in_child.append(function)


def _told(fork):
    def told():
        answer = fork()
        if (answer[0] if isinstance(answer, tuple) else answer) == 0:
            for function in _in_child:
                function()
        return answer
    return told
