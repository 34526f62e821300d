"""Requests on a lane: their bodies, batches of them, and those that nobody waits for."""

import io
import marshal
import os
import socket
import threading
import unittest

import pasted
from onelane import FAILED, HEAD_END, K, Bench, Log, answering, kinds, shown
from pasted_worker import frames
from pasted_worker.lane import Lane


class Cancelled(unittest.TestCase):
    """Requests that nobody waits for any more."""

    def test_waiting_request_is_not_begun(self):
        calls = []
        with Bench(lambda e, s: calls.append(1)) as bench:
            bench.lane.cancelled.add(1)
            self.assertEqual(bench.kinds(), [FAILED])
        self.assertEqual((calls, bench.log.lines), ([], []))
        self.assertEqual(bench.lane.cancelled, set())

    def test_stream_stops_and_is_closed(self):
        ended, events = threading.Event(), []

        def app(environ, start_response):
            start_response("200 OK", [])
            try:
                yield b"begun"
                ended.wait(pasted.PATIENCE)
                while True:
                    yield b"more"
            finally:
                events.append("closed")

        with Bench(app) as bench:
            number = bench.request()
            self.assertEqual(shown(bench.connection.next()), ("head", "", 5))
            bench.lane.cancelled.add(number)
            ended.set()
            self.assertEqual(shown(bench.connection.next()), FAILED)
        self.assertEqual((events, bench.log.lines), (["closed"], []))

    def test_write_raises(self):
        raised = []

        def app(environ, start_response):
            write = start_response("200 OK", [])
            write(b"begun")
            bench.lane.cancelled.add(1)
            try:
                write(b"more")
            except OSError as error:
                raised.append(error)
                raise
            return []

        with Bench(app) as bench:
            self.assertEqual(bench.kinds(), [("head", "", 5), FAILED])
        self.assertEqual((len(raised), bench.log.lines), (1, []))

    def test_late_cancel_is_forgotten_with_the_next_request(self):
        with Bench(answering([b"x"])) as bench:
            bench.kinds()
            bench.lane.cancelled.update([1, 9])
            bench.kinds()
            bench.kinds()
            self.assertEqual(bench.lane.cancelled, {9})

    def test_large_list_stops(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            return [b"x" * 64 * 1024 * 1024]

        with Bench(app) as bench:
            number = bench.request()
            self.assertEqual(shown(bench.connection.next()), ("head", "", 0))
            bench.lane.cancelled.add(number)
            seen = bench.frames()
            self.assertEqual(shown(seen[-1]), FAILED)
            self.assertLess(len(seen), 100)


class Bodies(unittest.TestCase):
    """wsgi.input."""

    READS = [
        ("read", lambda f: [f.read()]),
        ("read in pieces", lambda f: iter(lambda: f.read(1000), b"")),
        ("read more than there is", lambda f: [f.read(1 << 20), f.read(), f.read(5)]),
        ("readline", lambda f: iter(f.readline, b"")),
        ("readline with a size", lambda f: iter(lambda: f.readline(7), b"")),
        ("iteration", lambda f: f),
        ("readlines", lambda f: f.readlines()),
        ("readlines with a hint", lambda f: iter(lambda: b"".join(f.readlines(100)), b"")),
    ]
    BODY = b"".join(b"line %d\n" % n for n in range(20000))

    def feed(self, bench, body):
        """Answer Want frames with body; return the answer's frames."""
        asked = []
        while True:
            frame = bench.connection.next()
            if frame.kind != frames.WANT:
                return asked, frame
            [size] = frames.WANTED.unpack(frame.payload)
            asked.append(size)
            piece, body = body[:size], body[size:]
            bench.connection.send(
                frames.BODY, piece, number=frame.number, flags=0 if body else frames.FLAG_END)

    def test_every_way_of_reading(self):
        for name, read in self.READS:
            def app(environ, start_response):
                pieces = list(read(environ["wsgi.input"]))
                start_response("200 OK", [])
                return pieces

            with self.subTest(name), Bench(app) as bench:
                bench.request(body=self.BODY[:50000])
                inline = bench.frames()[0].payload
                self.assertTrue(inline.endswith(self.BODY[:50000]))
                bench.request(flags=frames.FLAG_BODY)
                asked, frame = self.feed(bench, self.BODY[:50000])
                self.assertEqual(frame.payload, inline)
                self.assertTrue(all(0 < size <= 256 * K for size in asked), asked)

    def test_large_body_comes_in_large_pieces(self):
        body = os.urandom(K) * 2000

        def app(environ, start_response):
            found = environ["wsgi.input"].read()
            start_response("200 OK", [])
            return [b"same" if found == body else b"other"]

        with Bench(app) as bench:
            bench.request(flags=frames.FLAG_BODY)
            asked, frame = self.feed(bench, body)
        self.assertTrue(frame.payload.endswith(b"same"))
        self.assertEqual(set(asked), {64 * K, 256 * K})

    def test_body_that_nobody_reads_is_not_asked_for(self):
        with Bench(answering([b"x"])) as bench:
            self.assertEqual(bench.kinds(flags=frames.FLAG_BODY), [("head", "end", 1)])

    def test_request_that_comes_while_a_body_is_awaited_waits(self):
        def app(environ, start_response):
            found = environ["wsgi.input"].read()
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode(), found]

        with Bench(app) as bench:
            bench.request(path="/first", flags=frames.FLAG_BODY)
            want = bench.connection.next()
            bench.request(path="/second", body=b"inline")
            bench.request(path="/third", body=b"x" * 200 * K)
            bench.connection.send(frames.BODY, b"piece", number=want.number, flags=frames.FLAG_END)
            for end in (b"/firstpiece", b"/secondinline", b"/third" + b"x" * 200 * K):
                payload = b"".join(frame.payload for frame in bench.frames())
                self.assertTrue(payload.endswith(end))

    def test_body_that_outlives_its_request_cannot_be_read(self):
        kept = []

        def app(environ, start_response):
            kept.append(environ["wsgi.input"])
            start_response("200 OK", [])
            return [b"x"]

        with Bench(app) as bench:
            bench.kinds(flags=frames.FLAG_BODY)
            bench.kinds(flags=frames.FLAG_BODY)
            for body in kept[:1]:
                self.assertRaises(ValueError, body.read)
            self.assertEqual(bench.kinds(), [("head", "end", 1)])

    def test_body_read_in_another_thread_while_the_answer_is_sent(self):
        def app(environ, start_response):
            pieces = []
            reader = threading.Thread(
                target=lambda: pieces.extend(iter(lambda: environ["wsgi.input"].read(70000), b"")))
            reader.start()
            start_response("200 OK", [])
            while reader.is_alive():
                yield b"." * 70000
            yield b"|" + b"".join(pieces)

        with Bench(app) as bench:
            bench.request(flags=frames.FLAG_BODY)
            body, answer = self.BODY * 5, b""
            while True:
                frame = bench.connection.next()
                if frame.kind == frames.WANT:
                    piece, body = body[:1000], body[1000:]
                    if len(body) > 100000:
                        body = body[50000:]
                    bench.connection.send(
                        frames.BODY, piece, number=1, flags=0 if body else frames.FLAG_END)
                    continue
                self.assertIn(frame.kind, (frames.HEAD_OF_ANSWER, frames.DATA, frames.END))
                answer += frame.payload
                if frame.flags & frames.FLAG_END:
                    break
        self.assertIn(b"|line 0\n", answer)

    def test_cancelled_body_ends(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            return [environ["wsgi.input"].read()]

        with Bench(app) as bench:
            bench.request(flags=frames.FLAG_BODY)
            bench.connection.next()
            bench.lane.cancelled.add(1)
            bench.connection.send(frames.BODY, b"", number=1, flags=frames.FLAG_END)
            self.assertEqual([shown(f) for f in bench.frames()], [FAILED])


class Batches(unittest.TestCase):
    """Frames as they come off the socket."""

    def test_frames_cut_anywhere(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            return [environ["PATH_INFO"].encode() + environ["wsgi.input"].read()]

        batch = b""
        for number in range(1, 6):
            payload = marshal.dumps(pasted.make_environ("/%d" % number, b"x" * number * 30000))
            batch += frames.HEAD.pack(len(payload), frames.REQUEST, 0, 0, number) + payload
        for size in (7, 100, 5000, 65536, len(batch)):
            with self.subTest(size), Bench(app) as bench:
                sender = threading.Thread(target=self.send, args=(bench.connection.socket, batch, size))
                sender.start()
                for number in range(1, 6):
                    payload = b"".join(frame.payload for frame in bench.frames())
                    self.assertTrue(payload.endswith(b"/%d" % number + b"x" * number * 30000))
                sender.join()

    @staticmethod
    def send(connection, batch, size):
        for start in range(0, len(batch), size):
            connection.sendall(batch[start:start + size])

    def test_one_answer_is_whole_before_the_next_request_is_touched(self):
        order = []

        def app(environ, start_response):
            order.append("called " + environ["PATH_INFO"])
            start_response("200 OK", [])
            return [b"x" * 300 * K]

        class Spy(Lane):
            def send(self, frame):
                order.append("sent")
                super().send(frame)

            def send_both(self, head, data):
                order.append("sent")
                super().send_both(head, data)

        ours, theirs = socket.socketpair()
        lane = Spy(0, theirs.detach(), [app], Log())
        for number in (1, 2):
            payload = marshal.dumps(pasted.make_environ("/%d" % number, b""))
            ours.sendall(frames.HEAD.pack(len(payload), frames.REQUEST, 0, 0, number) + payload)
        ours.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=lane.run)
        thread.start()
        while ours.recv(1 << 20):
            pass
        thread.join()
        ours.close()
        self.assertEqual(order, ["called /1", "sent", "sent", "called /2", "sent", "sent"])


    def test_a_large_answer_that_a_signal_has_cut_is_sent_whole(self):
        class Cut:
            def __init__(self, taken):
                self.taken = taken

            def sendmsg(self, buffers):
                self.sent = b"".join(buffers)[:self.taken]
                return len(self.sent)

            def sendall(self, data):
                self.sent += bytes(data)

        lane = Lane.__new__(Lane)
        lane._with_body = 0
        for taken in range(9):
            lane._socket = Cut(taken)
            lane.send_both(b"head", b"data")
            self.assertEqual(lane._socket.sent, b"headdata")

    def test_bodies_of_any_size_are_what_the_application_gave(self):
        for size in 64 * K - 1, 64 * K, 64 * K + 1, 256 * K - 1, 256 * K, 256 * K + 1, 512 * K, 600 * K:
            body = b"0123456789" * (size // 10) + b"x" * (size % 10)

            def whole(environ, start_response):
                start_response("200 OK", [])
                return [body]

            def parts(environ, start_response):
                start_response("200 OK", [])(b"first")
                yield body

            for app, want in ((whole, body), (parts, b"first" + body)):
                with self.subTest(size=size, app=app.__name__), Bench(app) as bench:
                    bench.request()
                    head, *rest = bench.frames()
                    start = len(marshal.dumps(marshal.loads(head.payload), 2))
                    got = bytes(head.payload[start:]) + b"".join(frame.payload for frame in rest)
                    self.assertTrue(got == want, "%d bytes, want %d" % (len(got), len(want)))
                    self.assertTrue(all(len(frame.payload) <= 256 * K for frame in rest))


class Files(unittest.TestCase):
    """wsgi.file_wrapper."""

    def test_small_file_goes_as_a_whole_from_where_it_stands_and_is_closed(self):
        path, files = os.path.abspath(__file__), []

        def app(environ, start_response):
            files.append(open(path, "rb"))
            files[-1].seek(int(environ["PATH_INFO"][1:]))
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](files[-1], 512)

        size = os.path.getsize(path)
        self.assertLess(size, 64 * K)
        with Bench(app) as bench:
            for start in 0, 100, size, size + 1:
                self.assertEqual(bench.kinds(path="/%d" % start), [("head", "end", max(0, size - start))])
        self.assertTrue(all(f.closed for f in files))

    def test_regular_file_of_another_kind_goes_in_large_blocks_and_is_closed(self):
        class Own(io.FileIO):
            pass

        path, files = os.path.abspath(__file__), []

        def app(environ, start_response):
            files.append(Own("/dev/null" if environ["PATH_INFO"] == "/null" else path, "rb"))
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](files[-1], 512)

        with Bench(app) as bench:
            with open(path, "rb") as f:
                size = len(f.read())
            self.assertEqual(bench.kinds(), [("head", "", size), ("end", "end", 0)])
            self.assertEqual(bench.kinds(path="/null"), [HEAD_END])
        self.assertTrue(all(f.closed for f in files))

    def test_what_is_no_real_file_goes_in_its_own_blocks(self):
        def app(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 1000), 400)

        self.assertEqual(kinds(app), [
            ("head", "", 400), ("data", "", 400), ("data", "", 200), ("end", "end", 0)])

    def test_any_object_with_read_will_do(self):
        class Reader:
            def __init__(self):
                self.left = [b"a", b"b"]

            def read(self, size):
                return self.left.pop(0) if self.left else b""

        def app(environ, start_response):
            start_response("200 OK", [])
            return environ["wsgi.file_wrapper"](Reader())

        self.assertEqual(kinds(app), [("head", "", 1), ("data", "", 1), ("end", "end", 0)])


if __name__ == "__main__":
    unittest.main()
