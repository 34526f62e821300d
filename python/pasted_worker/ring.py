"""A lane's ring: memory on the board in which bytes of an answer's body are handed over.

Its protocol stands in the comment of Pasted's package internal/board. A place is a
number that grows with each byte; 0 is none.
"""

from pasted_worker.fences import new_lock, ordered, pass_fence
from pasted_worker.frames import PLACES

RUN, TAIL, FREED, ASLEEP = 4, 5, 9, 10  # words of a slot


class Ring:
    """The ring of one lane.

    Only the thread that serves the lane needs it, but an application may call
    write() in others: so a lock is held for each step, and a run is one request's.
    """

    __slots__ = (
        "_run", "_owner", "_slot", "_memory", "_size", "_largest", "_lock", "_settle",
        "_tail", "_base", "_limit", "_read")

    def __init__(self, slot, memory, fence):
        self._run = 0             # where the run begins that goes on
        self._owner = 0           # the number of the request that it is of
        self._slot = slot
        self._memory = memory
        self._size = len(memory)
        self._largest = self._size // 2
        self._lock = new_lock()   # the fence of the protocol, too, where stores are seen in order
        self._settle = None if ordered() else fence
        self._tail = self._size   # where the next piece goes
        self._base = self._size   # where the memory's first byte is, for the pieces put last
        self._limit = 0           # as far as a run may grow, by what was known last; 0: there is none
        self._read = self._size   # what lies before this needs no reading any more, whatever FREED says

    def add(self, data, number):
        """Put data behind the bytes of this request's run, and return whether that could be done.

        Where asked is true then, Pasted waits for told's word of it.
        """
        settle = self._settle
        with self._lock:
            begin = self._tail
            end = begin + len(data)
            if number != self._owner or end > self._limit and not self._grow(end):
                return False
            base = self._base
            self._memory[begin - base:end - base] = data
            if settle:
                pass_fence(settle)
            self._tail = self._slot[TAIL] = end
        if settle:
            pass_fence(settle)
        return True

    @property
    def asked(self):
        return self._slot[ASLEEP]

    def begin(self, data, number):
        """Put data as the first bytes of a request's run, and return whether that could be done.

        Nobody knows of them until they are told.
        """
        slot, size = self._slot, len(data)
        with self._lock:
            begin = 0 if self._run else self._place(size)
            if not begin:
                return False
            base = self._base = begin - begin % self._size
            self._run = slot[RUN] = begin
            self._owner = number
            if self._settle:
                pass_fence(self._settle)
            self._memory[begin - base:begin - base + size] = data
            self._tail = slot[TAIL] = begin + size
            self._grow(self._tail)
        return True

    def told(self, number):
        """Return the payload of a Shared frame that tells of all bytes of the request's run.

        It is empty where there is no such run.
        """
        with self._lock:
            if number != self._owner:
                return b""
            self._slot[ASLEEP] = 0
            return PLACES.pack(self._run, self._tail)

    def end(self, number):
        """End the request's run, and return the payload of a Shared frame up to its end.

        It is empty where there is no such run.
        """
        with self._lock:
            if number != self._owner:
                return b""
            begin, self._run, self._owner, self._limit = self._run, 0, 0, 0
            self._slot[RUN] = 0
            return PLACES.pack(begin, self._tail)

    def abandon(self):
        """Have nothing put there any more: this process has been forked from the one that does."""
        self._lock = new_lock()
        self._run = self._owner = self._limit = self._largest = 0

    def _grow(self, end):
        """Look how far the run may grow, and return whether that is up to end."""
        if self._run:
            self._limit = min(self._base, max(self._read, self._slot[FREED])) + self._size
        return end <= self._limit

    def _place(self, size):
        """Return where a run may begin whose first piece has size bytes."""
        begin, freed, whole = self._tail, self._slot[FREED], self._size
        left = whole - begin % whole
        if not 0 < size <= self._largest:
            return 0
        if freed == begin:  # nothing is to be read
            self._read = begin + left % whole
            return self._read
        if size > left:
            begin += left
        return begin if begin + size - max(self._read, freed) <= whole else 0


class _None:
    """What there is without a board."""

    def add(self, data, number):
        return False

    begin = add

    def end(self, number):
        return b""

    def abandon(self):
        pass


NONE = _None()
