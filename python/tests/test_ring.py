"""A lane's ring by itself, and in the hands of two that do not wait for each other."""

import collections
import random
import unittest

import pasted
from pasted import frames
from pasted_worker import fences, ring
from pasted_worker.ring import ASLEEP, FREED, RUN, TAIL

SIZE = 64  # bytes of a ring that is looked at by itself


class Mine:
    """A ring as one request has it."""

    number = 7

    def __init__(self, *arguments):
        self.ring = ring.Ring(*arguments)

    def add(self, data):
        return self.ring.add(data, self.number)

    def begin(self, data):
        return self.ring.begin(data, self.number)

    def told(self):
        return self.ring.told(self.number)

    def end(self):
        return self.ring.end(self.number)

    @property
    def run(self):
        return self.ring._run

    def __getattr__(self, name):
        return getattr(self.ring, name)


class Alone(unittest.TestCase):
    """A ring in plain memory, and where it puts what it is given."""

    def setUp(self):
        self.slot = [0] * 16
        self.memory = memoryview(bytearray(SIZE))
        self.ring = Mine(self.slot, self.memory, fences.fence())

    def begin(self, size):
        """Begin a run with so many bytes and return where they lie, None if there is no room."""
        return frames.PLACES.unpack(self.ring.told()) if self.ring.begin(b"b" * size) else None

    def end(self):
        return frames.PLACES.unpack(self.ring.end())

    def piece(self, size):
        """Put so many bytes in a run of their own, and return where it lies."""
        return self.begin(size) and self.end()

    def state(self):
        return list(self.slot), bytes(self.memory), self.ring.run

    def refused(self, put, size):
        """Say whether there is no room for so many bytes, and nothing has changed."""
        before = self.state()
        return not put(b"r" * size) and self.state() == before

    def test_a_run_begins_grows_and_ends(self):
        self.assertTrue(self.ring.begin(b"abc"))
        self.assertEqual((self.slot[RUN], self.slot[TAIL]), (SIZE, SIZE + 3))
        self.assertEqual(frames.PLACES.unpack(self.ring.told()), (SIZE, SIZE + 3))
        self.assertTrue(self.ring.add(b"de"))
        self.assertEqual((self.slot[RUN], self.slot[TAIL]), (SIZE, SIZE + 5))
        self.assertEqual(frames.PLACES.unpack(self.ring.told()), (SIZE, SIZE + 5))
        self.assertEqual(self.end(), (SIZE, SIZE + 5))
        self.assertEqual((self.slot[RUN], self.ring.run), (0, 0))
        self.assertEqual(bytes(self.memory[:6]), b"abcde\0")

    def test_nothing_is_added_where_no_run_goes_on(self):
        self.assertTrue(self.refused(self.ring.add, 1))
        self.begin(1)
        self.end()
        self.assertTrue(self.refused(self.ring.add, 1))

    def test_who_is_asleep_asks_until_he_is_told(self):
        self.begin(1)
        self.assertFalse(self.ring.asked)
        self.slot[ASLEEP] = 1
        self.ring.add(b"a")
        self.assertTrue(self.ring.asked)
        self.ring.told()
        self.assertFalse(self.ring.asked)
        self.assertEqual(self.slot[ASLEEP], 0)

    def test_a_run_ends_at_the_end_of_the_ring(self):
        self.assertEqual(self.begin(10), (SIZE, SIZE + 10))
        self.assertTrue(self.refused(self.ring.add, SIZE - 9))
        self.assertTrue(self.ring.add(b"a" * (SIZE - 10)))
        self.slot[FREED] = SIZE + 50
        self.assertTrue(self.refused(self.ring.add, 1))
        self.assertEqual(self.end(), (SIZE, 2 * SIZE))
        self.assertEqual(self.begin(10), (2 * SIZE, 2 * SIZE + 10))

    def test_what_does_not_fit_before_the_end_begins_a_round(self):
        self.piece(30)
        self.piece(20)
        self.slot[FREED] = SIZE + 30
        self.assertEqual(self.piece(30), (2 * SIZE, 2 * SIZE + 30))
        self.assertEqual(bytes(self.memory), b"b" * 50 + b"\0" * 14)

    def test_what_fits_before_the_end_is_put_there(self):
        self.piece(30)
        self.piece(20)
        self.slot[FREED] = SIZE + 30
        self.assertEqual(self.piece(14), (SIZE + 50, 2 * SIZE))
        self.assertEqual(self.piece(14), (2 * SIZE, 2 * SIZE + 14))

    def test_all_that_has_been_taken_begins_a_round(self):
        self.piece(5)
        self.assertEqual(self.piece(6), (SIZE + 5, SIZE + 11))
        self.slot[FREED] = SIZE + 11
        self.assertEqual(self.piece(7), (2 * SIZE, 2 * SIZE + 7))
        self.slot[FREED] = 2 * SIZE + 7
        self.assertEqual(self.piece(32), (3 * SIZE, 3 * SIZE + 32))
        self.assertEqual(self.piece(32), (3 * SIZE + 32, 4 * SIZE))
        self.slot[FREED] = 4 * SIZE
        self.assertEqual(self.piece(32), (4 * SIZE, 4 * SIZE + 32))

    def test_an_empty_ring_has_room_for_all_its_bytes(self):
        for size in (1, 5, 32, 1):
            begin, end = self.begin(size)
            while end < begin + SIZE:
                self.assertTrue(self.ring.add(b"a"), "%d bytes of the run from %d on" % (end - begin, begin))
                end += 1
            self.assertTrue(self.refused(self.ring.add, 1))
            self.assertEqual(self.end(), (begin, begin + SIZE))
            self.assertTrue(self.refused(self.ring.begin, 1))
            self.slot[FREED] = begin + SIZE
            _, self.slot[FREED] = self.piece(size)  # the next round begins while this one is not full

    def test_a_run_grows_as_far_as_bytes_are_still_to_be_read(self):
        self.piece(30)
        self.piece(20)
        self.slot[FREED] = SIZE + 30
        self.assertEqual(self.begin(25), (2 * SIZE, 2 * SIZE + 25))
        self.assertTrue(self.refused(self.ring.add, 6))
        self.assertTrue(self.ring.add(b"a" * 5))
        self.assertTrue(self.refused(self.ring.add, 1))
        self.slot[FREED] = SIZE + 50
        self.assertTrue(self.ring.add(b"a" * 20))
        self.assertTrue(self.refused(self.ring.add, 1))
        self.slot[FREED] = 2 * SIZE + 50
        self.assertTrue(self.ring.add(b"a" * 14))

    def test_a_run_begins_where_there_is_room_alone(self):
        self.piece(30)
        self.piece(20)
        self.assertTrue(self.refused(self.ring.begin, 15))
        self.slot[FREED] = SIZE + 30
        self.assertTrue(self.refused(self.ring.begin, 31))
        self.assertTrue(self.ring.begin(b"b" * 30))
        self.end()
        self.assertTrue(self.refused(self.ring.begin, 1))

    def test_a_run_does_not_begin_with_more_than_half_a_ring(self):
        self.assertTrue(self.refused(self.ring.begin, SIZE // 2 + 1))
        self.assertEqual(self.begin(SIZE // 2), (SIZE, SIZE + SIZE // 2))

    def test_a_run_is_one_requests(self):
        self.begin(3)
        other = self.ring.ring
        self.assertTrue(self.refused(lambda data: other.add(data, 8), 1))
        self.assertTrue(self.refused(lambda data: other.begin(data, 8), 1))
        self.assertEqual((other.told(8), other.end(8)), (b"", b""))
        self.assertEqual(self.end(), (SIZE, SIZE + 3))
        self.assertEqual((self.ring.told(), self.ring.end()), (b"", b""))

    def test_nothing_is_no_begin(self):
        self.assertTrue(self.refused(self.ring.begin, 0))

    def test_an_abandoned_ring_takes_nothing(self):
        self.begin(1)
        before = list(self.slot), bytes(self.memory)
        self.ring.abandon()
        self.assertFalse(self.ring.add(b"a") or self.ring.begin(b"b") or self.ring.run)
        self.assertEqual((list(self.slot), bytes(self.memory)), before)

    def test_no_ring_takes_nothing(self):
        ring.NONE.abandon()
        self.assertFalse(ring.NONE.add(b"a", 7) or ring.NONE.begin(b"b", 7) or ring.NONE.end(7))


class Watched:
    """A slot as the worker has it: before and after each access others may do something."""

    def __init__(self, words, others):
        self.words = words
        self.others = others

    def __getitem__(self, index):
        self.others()
        return self.words[index]

    def __setitem__(self, index, value):
        self.others()
        self.words[index] = value
        self.others()


class Race:
    """One who puts pieces in a ring as an Answer does, and a reader who takes a step at any time."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.speed = self.random.choice([0.05, 0.2, 0.5, 0.8])  # of the reader
        words, memory = [0] * 16, memoryview(bytearray(SIZE))
        self.ring = Mine(Watched(words, self.others), memory, (self.others, self.others))
        self.count = 0                    # bytes that were ever put
        self.sent = self.got = b""        # since the reader has waited last
        self.frames = collections.deque()
        self.seen = collections.Counter()
        # The reader's: the run that it looks at, where what it has to take there
        # ends, and whether it has said that it is going to wait.
        self.pasted = pasted.Ring(words, memory)
        self.run = self.end = 0
        self.resting = False
        self.last = self.known = 0        # run that it had last, and as far as it has been told

    def put(self, size):
        data = bytes((self.count + i) % 251 for i in range(size))
        self.count += size
        self.sent += data
        if self.ring.add(data):
            if self.ring.asked:
                self.frames.append(("shared", self.ring.told()))
            return
        sent = [("shared", self.ring.end())] if self.ring.run else []
        sent.append(("shared", self.ring.told()) if self.ring.begin(data) else ("data", data))
        self.frames.extend(sent)

    def end_answer(self):
        if self.ring.run:
            self.frames.append(("shared", self.ring.end()))

    def settle(self):
        """Let the reader go on until it waits, and say whether it has all then."""
        while self.end or self.run or self.frames:
            self.step()
        same, self.sent, self.got = self.sent == self.got, b"", b""
        return same

    def others(self):
        while self.random.random() < self.speed:
            self.step()

    def step(self):
        """Do what the reader does next, if there is anything."""
        if self.end:
            self.got += self.pasted.take(self.run, self.end)
            self.end = 0
        elif self.run:
            self.look()
        elif self.frames:
            kind, payload = self.frames.popleft()
            self.seen[kind] += 1
            if kind == "data":
                self.got += payload
            else:
                self.begin(*frames.PLACES.unpack(payload))

    def begin(self, run, end):
        if run != self.last and run < self.known:
            raise AssertionError("a run begins at %d, another has come to %d" % (run, self.known))
        self.run = self.last = run
        self.know(end)

    def look(self):
        end = self.pasted.more(self.run)
        if end:
            self.seen["more"] += 1
            self.know(end)
        elif self.resting:
            self.run = 0
        else:
            self.pasted.rest(self.run)
            self.resting = True

    def know(self, end):
        if not self.run < end <= self.run - self.run % SIZE + SIZE:
            raise AssertionError("the run from %d on is said to come to %d" % (self.run, end))
        self.end, self.known, self.resting = end, max(end, self.known), False


class Races(unittest.TestCase):
    def test_the_reader_has_all_in_order_whatever_comes_between(self):
        seen = collections.Counter()
        for seed in range(60):
            race = Race(seed)
            sizes = [1, 2, 3, 5, 8] if seed % 2 else [1, 3, 7, 20, 31, 32, 33]
            for _ in range(600):
                race.put(race.random.choice(sizes))
                if race.random.random() < 0.05:
                    race.end_answer()
                if race.random.random() < 0.05:
                    self.assertTrue(race.settle(), "with seed %d, %d bytes in" % (seed, race.count))
            seen += race.seen
        for kind in ("shared", "data", "more"):
            self.assertGreater(seen[kind], 1000, kind)
