"""The scoreboard: memory shared with Pasted that says what each lane has begun.

Its layout and protocol stand in the comment of Pasted's package internal/board.
A slot is a memoryview of 64-bit words: an item of one is written by a single
aligned store of the machine's, where struct.pack_into with a byte order, or a
slice, may write byte by byte.
"""

import mmap
import platform
import threading

STARTED, ENDED, SKIPPED, REVOKED = 0, 1, 2, 8  # words of a slot
_VERSION, _BEAT = 0, 1                         # words of the first line
_LINE, _SLOT = 8, 16                           # words of a line and of a slot


def no_slot():
    """Return what a lane writes to that has no board: nothing is ever revoked there."""
    return [0] * _SLOT


class Board:
    """The scoreboard of this worker, in words."""

    def __init__(self, words):
        self._words = words

    def slot(self, index):
        """Return the slot of a lane."""
        begin = _LINE + index * _SLOT
        return self._words[begin:begin + _SLOT]


class _None:
    """What there is without a board."""

    def slot(self, index):
        return no_slot()


NONE = _None()


def attach(descriptor):
    """Return the board in the file of this descriptor, and close that.

    It is NONE where it could not be kept: other Pythons than CPython do not say
    how they store, and the layout may be a later Pasted's.
    """
    with open(descriptor, "r+b", buffering=0) as file:
        if platform.python_implementation() != "CPython":
            return NONE
        words = memoryview(mmap.mmap(file.fileno(), 0)).cast("B").cast("Q")
    if words[_VERSION] != 1:
        return NONE
    return Board(words)


def fence():
    """Return two functions that, called one after the other, are a full fence.

    What the thread has stored before is seen by everybody before it reads
    anything after. They take a lock that nobody else takes, and release it: with
    the locked instructions of x86 that is a fence. Elsewhere a store may sink
    into the locked part and a read rise into it, and there pass each other; a
    release and the next taking keep their order, so it is done twice.
    """
    lock = threading.Lock()
    if platform.machine().lower() in ("x86_64", "amd64", "i386", "i686"):
        return lock.acquire, lock.release

    def twice():
        lock.acquire()
        lock.release()
        lock.acquire()

    return twice, lock.release
