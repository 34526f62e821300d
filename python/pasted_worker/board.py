"""The scoreboard: memory shared with Pasted that says what each lane has begun.

Its layout and protocol stand in the comment of Pasted's package internal/board.
A slot is a memoryview of 64-bit words: an item of one is written by a single
aligned store of the machine's, where struct.pack_into with a byte order, or a
slice, may write byte by byte.
"""

import mmap
import os
import sys
import threading
import time

STARTED, ENDED, SKIPPED, ENTERED, REVOKED = 0, 1, 2, 3, 8  # words of a slot
_VERSION, _BEAT = 0, 1                                     # words of the first line
_EACH, _REST = 0.2, 10                                     # seconds between beats, idle ones before a rest
_LINE, _SLOT = 8, 16                                       # words of a line and of a slot


def no_slot():
    """Return what a lane writes to that has no board: nothing is ever revoked there."""
    return [0] * _SLOT


class Board:
    """The scoreboard of this worker, in words, and the heart that beats there."""

    def __init__(self, words):
        self._words = words
        # A lane that begins a request looks at resting, and calls wake if it is
        # true: then the heart beats until the lanes have nothing to do.
        self.resting = True
        self._awake = threading.Event()
        self._slots = []

    def beat(self):
        """Grow the beat while lanes have requests. For a thread of its own.

        The thread needs the interpreter's lock for it: so Pasted sees when
        nobody gets it, or the process stands still.
        """
        while True:
            self._awake.wait()
            self._awake.clear()
            idle = 0
            while idle < _REST:
                self._words[_BEAT] += 1
                time.sleep(_EACH)
                idle = 0 if self._busy() else idle + 1
            self.resting = True
            if self._busy():  # it has begun before it could see that
                self.wake()

    def wake(self):
        """Have the heart beat."""
        self.resting = False
        self._awake.set()

    def _busy(self):
        return any(slot[STARTED] != slot[ENDED] for slot in self._slots)

    def slot(self, index):
        """Return the slot of a lane."""
        begin = _LINE + index * _SLOT
        slot = self._words[begin:begin + _SLOT]
        self._slots.append(slot)
        return slot


class _None:
    """What there is without a board."""

    resting = False

    def slot(self, index):
        return no_slot()


NONE = _None()


def attach(descriptor):
    """Return the board in the file of this descriptor, and close that.

    It is NONE where it could not be kept: other Pythons than CPython do not say
    how they store, and the layout may be a later Pasted's.
    """
    with open(descriptor, "r+b", buffering=0) as file:
        if sys.implementation.name != "cpython":
            return NONE
        words = memoryview(mmap.mmap(file.fileno(), 0)).cast("B").cast("Q")
    if words[_VERSION] != 2:
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
    if os.uname().machine.lower() in ("x86_64", "amd64", "i386", "i686"):
        return lock.acquire, lock.release

    def twice():
        lock.acquire()
        lock.release()
        lock.acquire()

    return twice, lock.release
