"""What a worker puts into its lanes' rings, and what Pasted finds there."""

import random
import unittest

import pasted
from pasted import frames
from pasted_worker.ring import RUN

APP = """
    import os, random, threading

    PLAIN = [("Content-Type", "text/plain")]
    gates = threading.Semaphore(0)

    def make(global_conf):
        return application

    def application(environ, start_response):
        number = int(environ["QUERY_STRING"] or 0)
        return globals()[environ["PATH_INFO"][1:]](number, start_response)

    def headed(size, start_response):
        start_response("200 OK", [("X-Long", "x" * size)])
        return []

    def whole(size, start_response):
        start_response("200 OK", PLAIN)
        return [b"x" * size]

    def stream(count, start_response):
        start_response("200 OK", PLAIN)
        for i in range(count):
            yield b"%d," % i

    def blocks(count, start_response):
        start_response("200 OK", PLAIN)
        for i in range(count):
            yield b"%07d," % i * 512

    def sizes(seed, start_response):
        start_response("200 OK", PLAIN)
        some = random.Random(seed)
        for i in range(60):
            yield b"%07d," % i * some.choice([1, 10, 100, 1000, 10000, 40000])

    def steps(count, start_response):
        start_response("200 OK", PLAIN)
        for i in range(count):
            yield (bytes, bytearray)[i % 2](b"%d," % i)  # in a loop of its own, and by write()
            gates.acquire()

    def step(count, start_response):
        gates.release()
        return whole(0, start_response)

    def broken(count, start_response):
        start_response("200 OK", PLAIN)
        for i in range(count):
            yield b"%d," % i
        raise ValueError("broken")

    def length(size, start_response):
        start_response("200 OK", [("Content-Length", str(size))])
        for i in range(10):
            yield b"%d," % i

    def written(count, start_response):
        write = start_response("200 OK", PLAIN)
        for i in range(count):
            write(b"%d," % i)
        return mixed(count, write)

    def threads(count, start_response):
        write = start_response("200 OK", PLAIN)
        write(b"first,")
        def several(name):
            for i in range(count):
                write(b"%s%d," % (name, i))
        others = [threading.Thread(target=several, args=[name]) for name in (b"a", b"b")]
        for thread in others:
            thread.start()
        for thread in others:
            thread.join()
        return []

    def mixed(count, write):
        for i in range(count, 2 * count):
            write(b"%d" % i)
            yield bytearray(b",")
            yield b""

    def jumps(count, start_response):
        write = start_response("200 OK", PLAIN)
        for large in (b"x" * count, b"y" * count):
            yield b"0,"
            yield b"1,"
            write(large)
        for large in (b"z" * count, b""):
            write(b"0,")
            write(b"1,")
            yield large

    def forked(count, start_response):
        write = start_response("200 OK", PLAIN)
        yield b"0,"
        yield b"1,"
        child = os.fork()
        if child == 0:
            for i in range(count):
                try:
                    write(b"child")
                except OSError:
                    pass
            yield b"child"
            os._exit(9)  # it could be sent
        status = os.waitpid(child, 0)[1]
        yield b"2,"
        yield b"%d" % status
"""

HEAD, SHARED, DATA, END = [
    (kind, 0) for kind in (frames.HEAD_OF_ANSWER, frames.SHARED, frames.DATA, frames.END)]
K = 1024


def ending(frame, flags=frames.FLAG_END):
    return frame[0], flags


FAILED = ending(END, frames.FLAG_END | frames.FLAG_FAILED)


def numbers(count):
    return b"".join(b"%d," % i for i in range(count))


def taken(lane_ring, frame):
    """Yield the bytes that a Shared frame tells of and those behind, until Pasted waits for the next."""
    begin, end = frames.PLACES.unpack(frame.payload)
    while end:
        yield lane_ring.take(begin, end)
        end = 0 if frame.flags else lane_ring.more(begin)
        if not end and not frame.flags:
            lane_ring.rest(begin)
            end = lane_ring.more(begin)


class Serving(unittest.TestCase):
    """A worker, and Pasted's end of its lanes."""

    def serving(self, lanes=1, **more):
        worker = pasted.loaded(self, APP)
        worker.serve(lanes, **more)
        return worker

    def get(self, worker, path, number, lane=0):
        """Return body and frames of an answer, for which Pasted is never asleep: it takes what frames tell of."""
        reply = worker.get(path, lane=lane, QUERY_STRING=str(number))
        self.assert_no_run(worker, lane)
        return reply.body, reply.frames

    def read(self, worker, number, lane=0):
        """Return the same, having taken and waited as Pasted does."""
        pieces, seen = [], []
        while not seen or not seen[-1][1] & frames.FLAG_END:
            frame = worker.lanes[lane].next()
            self.assertEqual((frame.number, frame.aux), (number, lane))
            seen.append((frame.kind, frame.flags))
            if frame.kind == frames.HEAD_OF_ANSWER:
                pieces.append(worker.decode_head(frame.payload)[2])
            elif frame.kind == frames.SHARED:
                pieces += taken(worker.rings[lane], frame)
            else:
                pieces.append(frame.payload)
        return b"".join(pieces), seen

    def assert_no_run(self, worker, lane):
        for lane_ring in worker.rings[lane:lane + 1]:
            self.assertEqual(lane_ring.slot[RUN], 0)


@unittest.skipIf(pasted.PYPY, "PyPy has no board")
class Rings(Serving):
    def test_a_large_answer_lies_in_the_ring(self):
        worker = self.serving()
        for _ in range(5):
            self.assertEqual(self.get(worker, "/whole", 100 * K), (b"x" * 100 * K, [HEAD, ending(SHARED)]))

    def test_what_is_larger_than_half_a_ring_does_not(self):
        worker = self.serving()
        size = pasted.RING // 2 + 1
        self.assertEqual(self.get(worker, "/whole", size - 1), (b"x" * (size - 1), [HEAD, ending(SHARED)]))
        self.assertEqual(self.get(worker, "/whole", size), (b"x" * size, [HEAD, ending(DATA)]))

    def test_a_large_head_may_have_no_body(self):
        worker = self.serving()
        self.assertEqual(self.get(worker, "/headed", 70 * K), (b"", [HEAD, ending(DATA)]))

    def test_small_pieces_need_no_frames_while_nobody_is_asleep(self):
        worker = self.serving()
        for _ in range(5):
            self.assertEqual(self.get(worker, "/stream", 1000), (numbers(1000), [HEAD, SHARED, ending(SHARED)]))

    def test_a_stream_is_whole_when_pasted_frees_and_rests(self):
        worker = self.serving()
        for _ in range(20):
            body, seen = self.read(worker, worker.request("/stream", QUERY_STRING="1000"))
            self.assertEqual(body, numbers(1000))
            self.assertEqual((seen[0], set(seen[1:-1]), seen[-1]), (HEAD, {SHARED}, ending(SHARED)))

    def test_pieces_of_all_sizes_are_whole_and_in_order(self):
        worker = self.serving()
        for seed in range(3):
            some = random.Random(seed)
            want = b"".join(b"%07d," % i * some.choice([1, 10, 100, 1000, 10000, 40000]) for i in range(60))
            body, seen = self.read(worker, worker.request("/sizes", QUERY_STRING=str(seed)))
            self.assertTrue(body == want, "seed %d" % seed)
            self.assertLess({SHARED, DATA}, set(seen))

    def test_who_is_asleep_has_a_frame_for_each_piece(self):
        worker = self.serving(lanes=2)
        number = worker.request("/steps", QUERY_STRING="30")
        self.assertEqual(worker.lanes[0].next().kind, frames.HEAD_OF_ANSWER)
        begin, end = pasted.RING, pasted.RING
        for i in range(1, 30):
            self.get(worker, "/step", 0, lane=1)
            frame = worker.lanes[0].next()
            self.assertEqual((frame.kind, frame.flags, frame.number), SHARED + (number,))
            end += len(b"%d," % i)
            self.assertEqual(frames.PLACES.unpack(frame.payload), (begin, end))
            self.assertEqual(b"".join(taken(worker.rings[0], frame)), b"%d," % i)
        self.get(worker, "/step", 0, lane=1)
        self.assertEqual(self.read(worker, number), (b"", [ending(SHARED)]))

    def test_frames_of_data_take_over_while_the_ring_is_full(self):
        worker = self.serving()
        lane, lane_ring = worker.lanes[0], worker.rings[0]
        worker.request("/blocks", QUERY_STRING="400")
        body, seen, full = [worker.decode_head(lane.next().payload)[2]], [], 0
        while not seen or not seen[-1][1]:
            frame = lane.next()
            seen.append((frame.kind, frame.flags))
            if frame.kind == frames.SHARED:
                begin, end = frames.PLACES.unpack(frame.payload)
                body.append(lane_ring.look(begin, end))
                lane_ring.at = end  # but for the worker it is still to be read
            else:
                full = full or sum(map(len, body[1:]))
                body.append(frame.payload)
            if seen.count(DATA) >= 10:
                lane_ring.free(lane_ring.at)
        self.assertEqual(b"".join(body), b"".join(b"%07d," % i * 512 for i in range(400)))
        self.assertEqual(full, pasted.RING)
        first = seen.index(DATA)
        self.assertEqual(seen[first:first + 10], [DATA] * 10)
        self.assertIn(SHARED, seen[first:])

    def test_what_a_stream_gave_comes_before_its_failure(self):
        worker = self.serving()
        self.assertEqual(self.get(worker, "/broken", 2), (numbers(2), [HEAD, SHARED, SHARED, FAILED]))
        self.assertEqual(self.get(worker, "/broken", 100), (numbers(100), [HEAD, SHARED, SHARED, FAILED]))
        self.assertEqual(self.read(worker, worker.request("/broken", QUERY_STRING="100"))[0], numbers(100))
        self.assertEqual(self.get(worker, "/stream", 3)[0], numbers(3))

    def test_a_run_ends_with_a_request_that_nobody_waits_for(self):
        worker = self.serving(lanes=2)
        number = worker.request("/steps", QUERY_STRING="9")
        for _ in range(2):
            self.get(worker, "/step", 0, lane=1)
        worker.lanes[0].next()
        self.assertEqual(worker.rings[0].take(*frames.PLACES.unpack(worker.lanes[0].next().payload)), b"1,")
        worker.control.send(frames.CANCEL, number=number, aux=0)
        worker.log()  # it has been read
        self.get(worker, "/step", 0, lane=1)
        self.assertEqual(worker.reply(number).frames[-2:], [SHARED, FAILED])
        self.assert_no_run(worker, 0)

    def test_a_run_ends_with_the_content_length(self):
        worker = self.serving()
        for size, seen in (
            (2, [ending(HEAD)]),
            (3, [HEAD, ending(SHARED)]),
            (4, [HEAD, ending(SHARED)]),
            (5, [HEAD, SHARED, ending(SHARED)]),
            (15, [HEAD, SHARED, ending(SHARED)]),
            (20, [HEAD, SHARED, ending(SHARED)]),
            (30, [HEAD, SHARED, ending(SHARED)]),
        ):
            with self.subTest(size):
                self.assertEqual(self.get(worker, "/length", size), (numbers(10)[:size], seen))

    def test_what_is_written_and_what_is_yielded_are_in_order(self):
        worker = self.serving()
        self.assertEqual(self.get(worker, "/written", 50), (numbers(100), [HEAD, SHARED, ending(SHARED)]))
        self.assertEqual(self.read(worker, worker.request("/written", QUERY_STRING="50"))[0], numbers(100))

    def test_a_run_ends_before_a_piece_that_has_no_room(self):
        worker = self.serving()
        size, run = 300 * K, [SHARED, SHARED]
        body, seen = self.get(worker, "/jumps", size)
        self.assertTrue(body == b"".join(b"0,1," + letter * size for letter in (b"x", b"y", b"z")) + b"0,1,")
        self.assertEqual(seen, [HEAD] + run + [DATA, DATA] + 2 * (run + [DATA, DATA]) + [SHARED, ending(SHARED)])

    def test_what_threads_write_is_whole(self):
        worker = self.serving()
        for _ in range(3):
            body, _ = self.read(worker, worker.request("/threads", QUERY_STRING="2000"))
            pieces = body.split(b",")
            for name in b"a", b"b":
                self.assertEqual([p for p in pieces if p.startswith(name)], [b"%s%d" % (name, i) for i in range(2000)])
            self.assertEqual(len(pieces), 4002)
            self.assertEqual(self.read(worker, worker.request("/stream", QUERY_STRING="1000"))[0], numbers(1000))

    def test_requests_behind_a_stream_are_served(self):
        worker = self.serving()
        sent = [(worker.request(path, QUERY_STRING=str(n)), want) for path, n, want in (
            ("/stream", 2000, numbers(2000)), ("/whole", 5, b"x" * 5), ("/whole", 90 * K, b"x" * 90 * K),
            ("/broken", 20, numbers(20)), ("/stream", 0, b""), ("/stream", 3000, numbers(3000)))]
        for number, want in sent:
            self.assertTrue(self.read(worker, number)[0] == want, "request %d" % number)

    def test_each_lane_has_a_ring(self):
        worker = self.serving(lanes=2)
        sent = [worker.request("/stream", QUERY_STRING=n, lane=lane) for lane, n in enumerate(("500", "700"))]
        for lane in (1, 0):
            self.assertEqual(worker.reply(sent[lane], lane).body, numbers((500, 700)[lane]))
            self.assertEqual(bytes(worker.rings[lane].memory[:6]), b"1,2,3,")

    def test_a_process_that_the_application_forks_puts_nothing_there(self):
        worker = self.serving()
        body, seen = self.get(worker, "/forked", 3)
        self.assertEqual(body, b"0,1,2,%d" % (1 << 8))  # it has raised what it could not send
        self.assertEqual(seen, [HEAD, SHARED, ending(SHARED)])
        self.assertNotIn(b"child", bytes(worker.rings[0].memory))
        self.assertEqual(self.get(worker, "/stream", 9)[0], numbers(9))


class Without(Serving):
    """Without a ring all comes in Data frames."""

    def look(self, worker):
        self.assertEqual(self.get(worker, "/whole", 100 * K), (b"x" * 100 * K, [HEAD, ending(DATA)]))
        self.assertEqual(self.get(worker, "/stream", 1000), (numbers(1000), [HEAD] + [DATA] * 999 + [ending(END)]))
        self.assertEqual(self.get(worker, "/broken", 3), (numbers(3), [HEAD, DATA, DATA, FAILED]))
        self.assertEqual(self.get(worker, "/length", 15), (numbers(10)[:15], [HEAD] + [DATA] * 6 + [ending(DATA)]))

    def test_without_a_board(self):
        self.look(self.serving(board=False))

    @unittest.skipIf(pasted.PYPY, "PyPy has no board")
    def test_with_a_board_that_has_no_rings(self):
        worker = pasted.loaded(self, APP)
        words = worker.give_board(1, ring=0)
        worker.serve(board=False)
        self.assertTrue(worker.ready["board"])
        self.look(worker)
        self.assertEqual(words[8 + RUN], 0)


if __name__ == "__main__":
    unittest.main()
