"""What an application's answer becomes on a lane: PEP 3333, piece by piece."""

import itertools
import marshal
import time
import unittest

from onelane import (
    FAILED, HEAD_END, K, PLAIN, Bench, answering, generated, kinds, lazily, length, written)
from pasted_worker import frames


class Shapes(unittest.TestCase):
    """How an answer of each shape is cut into frames."""

    CASES = [
        ("list of one", answering([b"hello"]), [("head", "end", 5)]),
        ("tuple of one", answering((b"hello",)), [("head", "end", 5)]),
        ("list of several", answering([b"he", b"", b"llo"]), [("head", "end", 5)]),
        ("empty list", answering([]), [HEAD_END]),
        ("list of nothing", answering([b""]), [HEAD_END]),
        ("list of 64 KiB", answering([b"x" * 64 * K]), [("head", "end", 64 * K)]),
        ("list over 64 KiB", answering([b"x" * (64 * K + 1)]),
         [("head", "", 0), ("data", "end", 64 * K + 1)]),
        ("list over 256 KiB", answering([b"x" * 300 * K] * 2),
         [("head", "", 0), ("data", "", 256 * K), ("data", "", 256 * K), ("data", "end", 88 * K)]),
        ("bytearray", answering([bytearray(b"hello")]), [("head", "end", 5)]),
        ("memoryview of numbers", answering([memoryview(b"12345678").cast("I")]), [("head", "end", 8)]),
        ("iterator", answering(iter([b"a", b"bc"])), [("head", "", 1), ("data", "", 2), ("end", "end", 0)]),
        ("iterator with empty pieces", answering(iter([b"", b"a", b"", b"bc", b""])),
         [("head", "", 1), ("data", "", 2), ("end", "end", 0)]),
        ("empty iterator", answering(iter([])), [HEAD_END]),
        ("generator", generated(b"a", b"bc"), [("head", "", 1), ("data", "", 2), ("end", "end", 0)]),
        ("generator that starts late", lazily, [("head", "", 4), ("end", "end", 0)]),
        ("large pieces", generated(b"x" * 300 * K, b"y"),
         [("head", "", 0), ("data", "", 256 * K), ("data", "", 44 * K), ("data", "", 1), ("end", "end", 0)]),
        ("iterator of its Content-Length", answering(iter([b"a", b"bc"]), fields=length(3)),
         [("head", "", 1), ("data", "end", 2)]),
        ("iterator in one piece", answering(iter([b"abc"]), fields=length(3)), [("head", "end", 3)]),
        ("iterator beyond", answering(iter([b"abc", b"d"]), fields=length(2)), [("head", "end", 2)]),
        ("iterator without end", answering(itertools.repeat(b"ab"), fields=length(3)),
         [("head", "", 2), ("data", "end", 1)]),
        ("iterator too short", answering(iter([b"abc"]), fields=length(5)), [("head", "", 3), ("end", "end", 0)]),
        ("large of its Content-Length", answering(iter([b"x" * 300 * K]), fields=length(300 * K)),
         [("head", "", 0), ("data", "", 256 * K), ("data", "end", 44 * K)]),
        ("nothing where 0 is the length", answering(iter([b"abc"]), fields=length(0)), [HEAD_END]),
        ("two lengths", answering(iter([b"abc"]), fields=length(3) + length(4)),
         [("head", "", 3), ("end", "end", 0)]),
        ("no number for a length", answering(iter([b"abc"]), fields=PLAIN + [("Content-Length", "x")]),
         [("head", "", 3), ("end", "end", 0)]),
        ("write", written(b"ab"), [("head", "", 2), ("end", "end", 0)]),
        ("write of nothing", written(b""), [HEAD_END]),
        ("write of its length", written(b"a", b"b", fields=length(2)), [("head", "", 1), ("data", "end", 1)]),
        ("write and list", written(b"a", then=[b"b", b"c"]), [("head", "", 1), ("data", "", 2), ("end", "end", 0)]),
        ("write and iterator", written(b"a", then=iter([b"b"])),
         [("head", "", 1), ("data", "", 1), ("end", "end", 0)]),
    ]

    def test_iterable_goes_on_to_its_end_after_its_content_length(self):
        ends = []

        def app(environ, start_response):
            start_response("200 OK", length(3))
            yield b"abc"
            yield b""
            ends.append("reached")

        self.assertEqual(kinds(app), [("head", "end", 3)])
        self.assertEqual(ends, ["reached"])

    def test_shapes(self):
        for name, application, want in self.CASES:
            with self.subTest(name):
                self.assertEqual(kinds(application), want)

    def test_pieces_arrive_one_by_one_whatever_their_sizes(self):
        sizes = 1, 1, 2, 0, 2, 4 * K, 4 * K, 4 * K + 1, 4 * K, 300, 300, 1
        pieces = [bytes([65 + i]) * size for i, size in enumerate(sizes)]
        pieces[5] = bytearray(pieces[5])

        def app(environ, start_response):
            write = start_response("200 OK", [])
            for i, piece in enumerate(pieces):
                if i == 9:
                    write(b"w" * 300)
                yield piece

        with Bench(app) as bench:
            bench.request()
            _, *rest = bench.frames()
        want = pieces[1:9] + [b"w" * 300] + pieces[9:]
        self.assertEqual([bytes(frame.payload) for frame in rest], [bytes(piece) for piece in want if piece] + [b""])
        self.assertEqual({(frame.kind, frame.flags, frame.aux, frame.number) for frame in rest[:-1]},
                         {(frames.DATA, 0, 3, 1)})

    def test_status_and_fields_arrive(self):
        fields = [("X-A", "1"), ("X-A", "caf\xe9"), ("Empty", "")]
        with Bench(answering([b"x"], "299 Odd\xe9", fields)) as bench:
            bench.request()
            [frame] = bench.frames()
        self.assertEqual(marshal.loads(frame.payload), ("299 Odd\xe9", fields))
        self.assertEqual((frame.aux, frame.number), (3, 1))


class Text(str):
    """A str that marshal does not take."""

    def __str__(self):
        return "not what it is"


class Mistakes(unittest.TestCase):
    """What start_response and the answer's pieces must not be, and where that is raised."""

    START = [
        ("status of bytes", (b"200 OK", []), TypeError, "status b'200 OK'"),
        ("status without digits", ("OK", []), ValueError, "three digits"),
        ("status without a blank", ("200OK", []), ValueError, "three digits"),
        ("status of two digits", ("20 OK", []), ValueError, "three digits"),
        ("empty status", ("", []), ValueError, "three digits"),
        ("status None", (None, []), TypeError, "status None"),
        ("fields None", ("200 OK", None), TypeError, "NoneType"),
        ("fields of str", ("200 OK", ["Content-Type: x"]), TypeError, "field 'Content-Type: x'"),
        ("name of bytes", ("200 OK", [(b"A", "b")]), TypeError, "want its name and its value to be str"),
        ("value of bytes", ("200 OK", [("A", b"b")]), TypeError, "want its name and its value to be str"),
        ("value of int", ("200 OK", [("Content-Length", 3)]), TypeError, "('Content-Length', 3)"),
        ("three in a field", ("200 OK", [("A", "b", "c")]), TypeError, "want a tuple"),
        ("interim status", ("103 Early Hints", []), ValueError, "from 200 on"),
        ("CR in status", ("200 OK\rX", []), ValueError, "status '200 OK\\rX'"),
        ("LF in value", ("200 OK", [("X-A", "a\nB: c")]), ValueError, "field 'X-A' 'a\\nB: c'"),
        ("NUL in value", ("200 OK", [("X-A", "a\0")]), ValueError, "no control characters"),
        ("DEL in value", ("200 OK", [("X-A", "a\x7f")]), ValueError, "no control characters"),
        ("LF in name", ("200 OK", [("X-A\n", "a")]), ValueError, "want a name"),
        ("beyond Latin-1", ("200 OK", [("X-A", "\u20ac")]), ValueError, "above U+00FF"),
        ("status beyond Latin-1", ("200 \u20ac", []), ValueError, "above U+00FF"),
        ("Connection", ("200 OK", [("connection", "close")]), ValueError, "PEP 3333"),
        ("Transfer-Encoding", ("200 OK", [("A", "b"), ("Transfer-Encoding", "chunked")]), ValueError, "PEP 3333"),
        ("Keep-Alive", ("200 OK", [("Keep-Alive", "timeout=5")]), ValueError, "PEP 3333"),
        ("Upgrade", ("101 Switching Protocols", [("Upgrade", "websocket")]), ValueError, "status '101"),
    ]

    def test_characters_of_latin_1_are_taken(self):
        fields = [("X-A", "caf\xe9\t\x80\xff"), ("X-Empty", "")]
        with Bench(lambda e, s: s("200 Caf\xe9", fields) and [b""]) as bench:
            bench.request()
            self.assertEqual(marshal.loads(bench.frames()[0].payload), ("200 Caf\xe9", fields))

    def test_start_response_refuses(self):
        for name, arguments, kind, text in self.START:
            with self.subTest(name):
                raised = []

                def app(environ, start_response):
                    try:
                        start_response(*arguments)
                    except Exception as error:
                        raised.append(error)
                    start_response("200 OK", list(PLAIN))
                    return [b"recovered"]

                self.assertEqual(kinds(app), [("head", "end", 9)])
                self.assertIs(type(raised[0]), kind)
                self.assertIn(text, str(raised[0]))

    def test_what_is_like_a_str_or_a_list_is_taken(self):
        for name, status, fields in [
            ("subclasses", Text("200 OK"), [(Text("A"), Text("b"))]),
            ("fields as lists", "200 OK", [["A", "b"]]),
            ("fields in a tuple", "200 OK", (("A", "b"),)),
            ("fields from a dict", "200 OK", {"A": "b"}.items()),
            ("fields of a generator", "200 OK", (pair for pair in [("A", "b")])),
        ]:
            with self.subTest(name), Bench(lambda e, s: s(status, fields) and [b""]) as bench:
                bench.request()
                self.assertEqual(marshal.loads(bench.frames()[0].payload), ("200 OK", [("A", "b")]))

    PIECES = [
        ("str in a list", answering(["text"]), [FAILED], "'text'"),
        ("str yielded", generated(b"a", "text"), [("head", "", 1), FAILED], "'text'"),
        ("empty str yielded", generated(""), [FAILED], "''"),
        ("None yielded", generated(None), [FAILED], "None"),
        ("str itself", answering("text"), [FAILED], "'t'"),
        ("bytes itself", answering(b"text"), [FAILED], "116"),
        ("None itself", answering(None), [FAILED], "NoneType"),
        ("int in a list", answering([1]), [FAILED], "answer has 1"),
        ("written str", written("text"), [FAILED], "'text'"),
        ("never started, list", lambda e, s: [b"x"], [FAILED], "has not called start_response()"),
        ("never started, iterator", lambda e, s: iter([b"x"]), [FAILED], "has not called start_response()"),
        ("never started, nothing", lambda e, s: iter([]), [FAILED], "has not called start_response()"),
        ("no application", lambda: None, [FAILED], "positional argument"),
    ]

    def test_pieces_refused(self):
        for name, application, want, text in self.PIECES:
            with self.subTest(name), Bench(application) as bench:
                self.assertEqual(bench.kinds(), want)
                level, line, number = bench.log.lines[-1]
                self.assertEqual((level, number), (40, 1))
                self.assertIn(text, line)

    def test_second_start_response_needs_exc_info(self):
        def app(environ, start_response):
            start_response("200 OK", list(PLAIN))
            start_response("200 OK", list(PLAIN))

        with Bench(app) as bench:
            self.assertEqual(bench.kinds(), [FAILED])
            self.assertIn("a second time", bench.log.lines[-1][1])


class Failures(unittest.TestCase):
    """exc_info, exceptions at every point, close()."""

    def test_early_hints_go_ahead(self):
        link = [("Link", "</a.css>; rel=preload")]
        errors = []

        def app(environ, start_response):
            hint = environ["wsgi.early_hints"]
            hint(link)
            hint(iter(link))
            for bad in ([("Link", "a\r\nb")], [("Connection", "x")], [("A", 1)], "Link"):
                try:
                    hint(bad)
                except (TypeError, ValueError) as error:
                    errors.append(error)
            start_response("200 OK", list(PLAIN))
            hint(link)
            yield b"x"
            hint(link)  # too late

        with Bench(app) as bench:
            bench.request()
            seen = bench.frames()
        self.assertEqual([frame.kind for frame in seen[:5]],
                         [frames.INFORM] * 3 + [frames.HEAD_OF_ANSWER, frames.END])
        self.assertEqual(marshal.loads(seen[0].payload), ("103 Early Hints", link))
        self.assertEqual(len(errors), 4)

    def test_whoever_may_sees_the_traceback(self):
        def app(environ, start_response):
            start_response("200 OK", list(PLAIN))
            raise RuntimeError("<script>'bad\x00'")

        with Bench(app) as bench:
            bench.request("/a?b", flags=frames.FLAG_LOCAL, **{"wsgi.input": b""})
            [frame] = bench.frames()
            self.assertEqual(bench.log.requests, ["GET /a?b"])
        status, fields = marshal.loads(frame.payload)
        page = frame.payload[len(marshal.dumps((status, fields), 2)):].decode()
        self.assertEqual(status[:4], "500 ")
        self.assertIn("RuntimeError: &lt;script&gt;&#39;bad", page)
        self.assertNotIn("<script>", page)

    def test_a_traceback_does_not_replace_what_has_begun(self):
        def app(environ, start_response):
            start_response("200 OK", list(PLAIN))
            yield b"begun"
            raise RuntimeError("late")

        with Bench(app) as bench:
            bench.request(flags=frames.FLAG_LOCAL, **{"wsgi.input": b""})
            self.assertEqual(bench.kinds(), [("head", "", 5), FAILED])

    def test_queue_time_is_what_has_passed(self):
        seen = []

        def app(environ, start_response):
            seen.append(environ["pasted.queue_time"])
            start_response("200 OK", list(PLAIN))
            return [b""]

        with Bench(app) as bench:
            bench.request(**{"pasted.queue_time": time.monotonic() - 5})
            bench.frames()
        self.assertTrue(5 <= seen[0] < 60, seen)

    def test_exc_info_replaces_a_head_that_is_not_sent(self):
        def app(environ, start_response):
            import sys
            start_response("200 OK", list(PLAIN))
            try:
                raise ValueError("second thoughts")
            except ValueError:
                start_response("503 Later", [], sys.exc_info())
            return [b"sorry"]

        with Bench(app) as bench:
            bench.request()
            [frame] = bench.frames()
            self.assertEqual(marshal.loads(frame.payload), ("503 Later", []))
            self.assertEqual(bench.log.lines, [])

    def test_exc_info_is_raised_again_once_the_head_is_sent(self):
        def app(environ, start_response):
            import sys
            write = start_response("200 OK", list(PLAIN))
            write(b"begun")
            try:
                raise ValueError("too late")
            except ValueError:
                start_response("503 Later", [], sys.exc_info())
            return [b"never"]

        with Bench(app) as bench:
            self.assertEqual(bench.kinds(), [("head", "", 5), FAILED])
            self.assertEqual(bench.log.lines[-1], (40, "ValueError: too late", 1))

    def test_whatever_is_raised_ends_the_request_alone(self):
        errors = [ValueError("v"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), RecursionError("r")]

        def app(environ, start_response):
            index = int(environ["PATH_INFO"][1:])
            if index < len(errors):
                raise errors[index]
            start_response("200 OK", [])
            return [b"fine"]

        with Bench(app) as bench:
            for index in range(len(errors)):
                self.assertEqual(bench.kinds(path="/%d" % index), [FAILED])
                self.assertIn(type(errors[index]).__name__, bench.log.lines[-1][1])
            self.assertEqual(bench.kinds(path="/99"), [("head", "end", 4)])

    def test_traceback_begins_with_the_application(self):
        def app(environ, start_response):
            raise ValueError("no such colour")

        with Bench(app) as bench:
            bench.kinds()
        lines = [line for _, line, _ in bench.log.lines]
        self.assertEqual(lines[0], "Traceback (most recent call last):")
        self.assertIn("test_answer.py", lines[1])
        self.assertEqual(lines[-1], "ValueError: no such colour")

    def test_close_is_called_once_whatever_happens(self):
        class Answer:
            def __init__(self, pieces):
                self.pieces, self.closed = pieces, 0

            def __iter__(self):
                for piece in self.pieces:
                    if isinstance(piece, Exception):
                        raise piece
                    yield piece

            def close(self):
                self.closed += 1
                if self.pieces[-1] == b"bad close":
                    raise ValueError("in close")

        for pieces, want in [
            ([b"a"], [("head", "", 1), ("end", "end", 0)]),
            ([ValueError("x")], [FAILED]),
            ([b"a", ValueError("x")], [("head", "", 1), FAILED]),
            ([b"a", "text"], [("head", "", 1), FAILED]),
            ([b"bad close"], [("head", "", 9), ("end", "end", 0)]),
        ]:
            with self.subTest(pieces=pieces):
                answer = Answer(pieces)
                with Bench(answering(answer), answering([b"next"])) as bench:
                    self.assertEqual(bench.kinds(), want)
                    self.assertEqual(bench.kinds(root=1), [("head", "end", 4)])
                self.assertEqual(answer.closed, 1)

    def test_error_after_the_promised_length_is_logged_only(self):
        def app(environ, start_response):
            start_response("200 OK", length(2))
            yield b"ok"
            raise ValueError("afterwards")

        with Bench(app) as bench:
            self.assertEqual(bench.kinds(), [("head", "end", 2)])
            self.assertEqual(bench.kinds(), [("head", "end", 2)])
            self.assertIn((40, "ValueError: afterwards", 1), bench.log.lines)
