"""Requests that are past their deadlines: what stops, and that nothing else does."""

import time
import unittest

from pasted import LOCKED, PATIENCE, PYPY, Site, tree
from pasted_worker import frames

# A request is where its path says when its thread is in a line that says so.
SOURCE = """
import linecache
import socket
import sys
import threading
import time

import pasted_worker

held = threading.Lock()
held.acquire()
pair = socket.socketpair()
let_go = [False]
thread = [None]


def make(global_conf):
    def app(environ, start_response):
        path = environ["PATH_INFO"].strip("/")
        write = start_response("200 OK", [])
        errors = environ["wsgi.errors"]
        if path not in ("quick", "stream", "written"):
            begin(errors)
        if path == "sleep":
            [time.sleep(0.05) for _ in range(200)]  # there
        elif path == "loop":
            while True:  # there
                pass     # there
        elif path == "lock":
            while not held.acquire(timeout=0.1):  # there
                pass
        elif path == "receive":
            pair[0].settimeout(0.2)
            while True:
                try:
                    pair[0].recv(1)  # there
                except socket.timeout:
                    pass
        elif path == "catch":
            try:
                while True:  # there
                    pass     # there
            except pasted_worker.DeadlineExceeded as error:
                return [("caught: %s" % error).encode()]
        elif path == "exception":
            while True:
                try:
                    time.sleep(0.01)  # there
                except Exception:
                    pass
        elif path == "stream":
            return stream(errors)
        elif path == "written":
            write(b"x")
            begin(errors)
            while True:
                write(b"x")  # there
        elif path == "extend":
            before = environ["pasted.deadline"]
            after = environ["pasted.extend_deadline"](40)
            same = environ["pasted.extend_deadline"](1)
            return [repr((before, after, same)).encode()]
        return [b"ok"]

    return app


def begin(errors):
    thread[0] = threading.get_ident()
    errors.write("begun\\n")


def stream(errors):
    try:
        yield b"x" * 10
        begin(errors)
        while True:
            time.sleep(0.01)  # there
            yield b"x" * 10
    finally:
        let_go[0] = True


def there():
    # A greenlet has no frame here: it has given its turn away.
    frame = sys._current_frames().get(thread[0])
    found = frame is None
    while frame is not None and not found:
        found = "# there" in linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return found


def tell(global_conf):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [repr({"/there": there, "/let_go": lambda: let_go[0]}[environ["PATH_INFO"]]()).encode()]

    return app
"""


STOPPABLE = LOCKED and not PYPY
needs_stopping = unittest.skipUnless(
    STOPPABLE, "PyPy cannot take back what is raised in a thread; without the lock nothing is raised in the right moment")


class DeadlineTest(unittest.TestCase):
    def setUp(self):
        self.site = Site(app=SOURCE)
        self.addCleanup(self.site.close)
        self.worker = self.site.alone(tree("app", "make"), tree("app", "tell"))
        self.addCleanup(self.worker.end)
        self.worker.hello()
        self.worker.await_(frames.LOADED)
        self.worker.serve(2)

    def begin(self, path, **more):
        """Begin a request, and return its number when its thread is where the path's name says."""
        number = self.worker.request(path, **more)
        self.worker.await_log("begun")
        del self.worker.said[:]
        deadline = time.monotonic() + PATIENCE
        while self.worker.get("/there", root=1, lane=1).body != b"True":
            self.assertLess(time.monotonic(), deadline, path)
        return number

    def expire(self, number, flags=0):
        self.worker.control.send(frames.EXPIRE, number=number, aux=0, flags=flags)

    @needs_stopping
    def test_application_is_stopped_and_lane_serves_on(self):
        for path in ("sleep", "loop", "lock", "receive", "exception"):
            number = self.begin(path)
            self.expire(number)
            reply = self.worker.reply(number)
            self.assertEqual((reply.status, reply.frames), (None, [(frames.END, frames.FLAG_END | frames.FLAG_FAILED)]), path)
            self.assertEqual(self.worker.get("quick").body, b"ok", path)

    def test_stack_is_logged_and_no_traceback(self):
        number = self.begin("sleep")
        self.expire(number)
        self.worker.reply(number)
        self.worker.log()
        about = [text for _, text, of in self.worker.said if of == number]
        self.assertIn("past its deadline", about[0])
        self.assertTrue(any("time.sleep(0.05)" in text for text in about), about)
        self.assertFalse(any("Traceback" in text for text in about), about)

    @needs_stopping
    def test_application_may_catch_it_and_answer(self):
        number = self.begin("catch")
        self.expire(number)
        self.assertEqual(self.worker.reply(number).body, b"caught: the request takes longer than it may")
        self.assertEqual(self.worker.get("quick").body, b"ok")

    def test_answer_that_has_begun_ends_failed_and_is_closed(self):
        for path in ("stream", "written"):
            number = self.begin(path)
            self.expire(number)
            reply = self.worker.reply(number)
            self.assertEqual((reply.status, reply.frames[-1]), ("200 OK", (frames.END, frames.FLAG_END | frames.FLAG_FAILED)))
        self.assertEqual(self.worker.get("/let_go", root=1).body, b"True")

    @needs_stopping
    def test_client_that_has_gone(self):
        number = self.begin("sleep")
        self.expire(number, frames.FLAG_GONE)
        self.worker.reply(number)
        self.assertEqual([text for text in self.worker.log() if text], [])

    @needs_stopping
    def test_request_that_has_not_begun_never_does(self):
        first, second, third = self.begin("sleep"), self.worker.request("loop"), self.worker.request("quick")
        self.expire(second)
        self.worker.log()
        self.expire(first)
        self.assertIsNone(self.worker.reply(first).status)
        self.assertIsNone(self.worker.reply(second).status)
        self.assertEqual(self.worker.reply(third).body, b"ok")

    @unittest.skipIf(STOPPABLE, "it would be stopped")
    def test_where_it_cannot_be_stopped_it_ends_by_itself(self):
        number = self.begin("sleep")
        self.expire(number)
        self.assertEqual(self.worker.reply(number).status, "200 OK")
        self.assertTrue(any("cannot be stopped: " in text for text in self.worker.log()), self.worker.said)
        self.assertEqual(self.worker.get("quick").body, b"ok")

    def test_late_one_hits_nobody(self):
        number = self.worker.request("quick")
        self.worker.reply(number)
        self.expire(number)
        self.worker.log()
        self.assertEqual(self.worker.get("quick").body, b"ok")

    def test_deadline_can_be_read_and_extended(self):
        begun = time.monotonic()
        number = self.worker.request(
            "extend", flags=frames.FLAG_TIMED, **{"wsgi.input": b"", "pasted.deadline": begun + 10})
        frame = self.worker.await_(frames.EXTEND)
        self.assertEqual((frame.number, frames.EXTENDED.unpack(frame.payload)), (number, (40 * 1000000,)))
        before, after, same = eval(self.worker.reply(number).body.decode())
        self.assertEqual((before, same), (begun + 10, after))
        self.assertTrue(begun + 40 <= after <= time.monotonic() + 40, (begun, after))

    @needs_stopping
    def test_never_hits_the_next_request(self):
        """Answers and deadlines race; what comes too late leaves no trace.

        The first request of each round answers only after 10 s: its deadline hits."""
        until = time.monotonic() + 3
        while time.monotonic() < until:
            numbers = [self.worker.request(path) for path in ["sleep"] + ["quick"] * 19]
            for number in numbers[::2]:
                self.expire(number)
            for number in numbers:
                reply = self.worker.reply(number)
                if reply.status is None:
                    self.assertEqual(number % 2, numbers[0] % 2, "a request without a deadline was hit")
                else:
                    self.assertNotEqual(number, numbers[0], "a deadline has hit nothing")
                    self.assertEqual(reply.body, b"ok")
            self.worker.log()  # which is not to fill up
        self.assertEqual([line for line in self.worker.log() if "Traceback" in line], [])
        self.assertEqual(self.worker.get("quick").body, b"ok")


if __name__ == "__main__":
    unittest.main()
