"""A lane's ring: memory on the board in which bytes of an answer's body are handed over.

Its protocol stands in the comment of Pasted's package internal/board. A place is a
number that grows with each byte; 0 is none.
"""

from pasted_worker.fences import ordered
from pasted_worker.frames import PLACES

RUN, TAIL, FREED, ASLEEP = 4, 5, 9, 10  # words of a slot


class Ring:
    """The ring of one lane, for the thread that sends its answers."""

    __slots__ = (
        "run", "_slot", "_memory", "_size", "_largest", "_take", "_release", "_weak",
        "_tail", "_base", "_limit", "_last", "_read")

    def __init__(self, slot, memory, fence):
        self.run = 0              # where the run begins that goes on
        self._slot = slot
        self._memory = memory
        self._size = len(memory)
        self._largest = self._size // 2
        self._take, self._release = fence
        self._weak = not ordered()
        self._tail = self._size   # where the next piece goes
        self._base = self._size   # where the memory's first byte is, for the pieces put last
        self._limit = 0           # as far as a run may grow, by what was known last; 0: there is none
        self._last = 0            # where the piece put last ends
        self._read = self._size   # what lies before this needs no reading any more, whatever FREED says

    def add(self, data):
        """Put data behind the run's bytes, and return whether that could be done.

        Where asked is true then, Pasted waits for told's word of it.
        """
        begin = self._tail
        end = begin + len(data)
        if end > self._limit and not self._grow(end):
            return False
        base, slot = self._base, self._slot
        self._memory[begin - base:end - base] = data
        if self._weak:
            self._take()
            self._release()
        self._tail = self._last = slot[TAIL] = end
        self._take()
        self._release()
        return True

    @property
    def asked(self):
        return self._slot[ASLEEP]

    def begin(self, data):
        """Put data as a run's first bytes, and return whether that could be done.

        Nobody knows of them until they are told.
        """
        slot, size = self._slot, len(data)
        begin = self._place(size)
        if not begin:
            return False
        self._base = begin - begin % self._size
        self.run = slot[RUN] = begin
        self._take()
        self._release()
        self._memory[begin - self._base:begin - self._base + size] = data
        self._tail = self._last = slot[TAIL] = begin + size
        self._grow(self._tail)
        return True

    def told(self):
        """Return the payload of a Shared frame that tells of all the run's bytes."""
        self._slot[ASLEEP] = 0
        return PLACES.pack(self.run, self._tail)

    def end(self):
        """End the run, and return the payload of a Shared frame up to its end."""
        begin, self.run, self._limit = self.run, 0, 0
        self._slot[RUN] = 0
        return PLACES.pack(begin, self._tail)

    def abandon(self):
        """Have nothing put there any more: this process has been forked from the one that does."""
        self.run = self._limit = self._largest = 0

    def _grow(self, end):
        """Look how far the run may grow, and return whether that is up to end."""
        if self.run:
            self._limit = min(self._base, max(self._read, self._slot[FREED])) + self._size
        return end <= self._limit

    def _place(self, size):
        """Return where a run may begin whose first piece has size bytes."""
        begin, freed, whole = self._tail, self._slot[FREED], self._size
        left = whole - begin % whole
        if not 0 < size <= self._largest:
            return 0
        if freed == self._last:  # nothing is to be read
            self._read = begin + left % whole
            return self._read
        if size > left:
            begin += left
        return begin if begin + size - max(self._read, freed) <= whole else 0


class _None:
    """What there is without a board."""

    run = 0

    def add(self, data):
        return False

    begin = add

    def abandon(self):
        pass


NONE = _None()
