"""The scoreboard: memory shared with Pasted that says what each lane has begun.

Its layout and protocol stand in the comment of Pasted's package internal/board.
A slot is a memoryview of 64-bit words: an item of one is written by a single
aligned store of the machine's, where struct.pack_into with a byte order, or a
slice, may write byte by byte.
"""

import mmap
import sys
import threading
import time

from pasted_worker import ring

STARTED, ENDED, SKIPPED, ENTERED, REVOKED = 0, 1, 2, 3, 8  # words of a slot
_VERSION, _BEAT, _RING_SIZE, _RINGS = 0, 1, 2, 3           # words of the first line
_EACH, _REST = 0.2, 10                                     # seconds between beats, idle ones before a rest
_LINE, _SLOT = 8, 16                                       # words of a line and of a slot


def no_slot():
    """Return what a lane writes to that has no board: nothing is ever revoked there."""
    return [0] * _SLOT


class Board:
    """The scoreboard of this worker, and the heart that beats there."""

    def __init__(self, memory):
        self._memory = memory
        self._words = memory.cast("Q")
        # A lane that begins a request looks at resting, and calls wake if it is
        # true: then the heart beats until the lanes have nothing to do.
        self.resting = True
        self._awake = threading.Event()
        self._heart = None
        self._stopped = False
        self._slots = []

    def start(self):
        """Have a thread grow the beat while lanes have requests, until stop."""
        self._heart = threading.Thread(target=self._beat, name="pasted heart", daemon=True)
        self._heart.start()

    def stop(self):
        """Return when the heart's thread has ended. The lanes must have ended before."""
        self._stopped = True
        self._awake.set()
        self._heart.join()

    def _beat(self):
        # The thread needs the interpreter's lock for it: so Pasted sees when
        # nobody gets it, or the process stands still.
        while True:
            self._awake.wait()
            self._awake.clear()
            idle = 0
            while idle < _REST:
                self._words[_BEAT] += 1
                time.sleep(_EACH)  # not wait, which before Python 3.11 goes by the wall clock
                if self._stopped:
                    return
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

    def ring(self, index, slot, fence):
        """Return the ring of a lane that has this slot; fence is what fences.fence returns."""
        size = self._words[_RING_SIZE]
        begin = self._words[_RINGS] + index * size
        if not size:
            return ring.NONE
        return ring.Ring(slot, self._memory[begin:begin + size], fence)


class _None:
    """What there is without a board."""

    resting = False

    def start(self):
        pass

    def stop(self):
        pass

    def slot(self, index):
        return no_slot()

    def ring(self, index, slot, fence):
        return ring.NONE


NONE = _None()


def attach(descriptor):
    """Return the board in the file of this descriptor, and close that.

    It is NONE where it could not be kept: other Pythons than CPython do not say
    how they store, one of 32 bits stores a word in two parts, and the layout may be
    a later Pasted's.
    """
    with open(descriptor, "r+b", buffering=0) as file:
        if sys.implementation.name != "cpython" or sys.maxsize < 1 << 32:
            return NONE
        memory = memoryview(mmap.mmap(file.fileno(), 0)).cast("B")
    if memory.cast("Q")[_VERSION] != 3:
        return NONE
    return Board(memory)
