"""The scoreboard, as both sides see it."""

import os
import signal
import tempfile
import time
import unittest

import pasted
from pasted import frames

STARTED, ENDED, SKIPPED, ENTERED, REVOKED = 0, 1, 2, 3, 8
BEAT = 1

APP = """
    import ctypes, marshal, os, sys, threading, time

    held = threading.Event()
    calls = []

    def make(global_conf):
        return application

    def die_of_the_next(frame, event, arg):
        if event == "c_call" and arg is marshal.loads:
            os._exit(4)

    def application(environ, start_response):
        path = environ["PATH_INFO"]
        calls.append(path)
        if path == "/raise":
            raise ValueError("raised")
        if path == "/hold":
            held.wait(60)
        if path == "/release":
            held.set()
        if path == "/deaf":
            fd = os.open(environ["QUERY_STRING"], os.O_RDWR)
            ctypes.PyDLL(None).read(fd, ctypes.create_string_buffer(1), 1)
        if path == "/die":
            os._exit(3)
        if path == "/trap":
            sys.setprofile(die_of_the_next)
        if path == "/fork":
            write = start_response("200 OK", [("Content-Length", "2")])
            write(b"ok")
            if os.fork() == 0:
                return []
            os.wait()
            return []
        start_response("200 OK", [])
        return [" ".join(calls).encode()]
"""


needs_board = unittest.skipIf(pasted.PYPY, "PyPy does not say how it stores: it has no board")


class Slots(unittest.TestCase):
    def serving(self, lanes=1, **more):
        worker = pasted.loaded(self, APP)
        worker.serve(lanes, **more)
        return worker

    def slot(self, worker, lane=0):
        words = worker.board[8 * (1 + 2 * lane):][:16]
        return words[STARTED], words[ENTERED], words[ENDED], words[SKIPPED]

    def await_(self, condition, what):
        deadline = time.monotonic() + pasted.PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.002)

    def await_still(self, worker, seconds, what):
        """Return the beat that has not grown for so long."""
        def still():
            before = worker.board[BEAT]
            time.sleep(seconds)
            return worker.board[BEAT] == before
        self.await_(still, what)
        return worker.board[BEAT]

    @needs_board
    def test_begin_and_end_are_written(self):
        worker = self.serving(lanes=2)
        self.assertTrue(worker.ready["board"])
        self.assertEqual(self.slot(worker), (0, 0, 0, 0))
        held = worker.request("/hold")
        self.await_(lambda: self.slot(worker) == (held, held, 0, 0), "the request's begin")
        self.assertEqual(self.slot(worker, 1), (0, 0, 0, 0))
        other = worker.request("/release", lane=1)
        worker.reply(other, 1)
        worker.reply(held)
        for lane, number in ((0, held), (1, other)):
            self.await_(lambda: self.slot(worker, lane) == (number, number, number, 0), "the request's end")

    @needs_board
    def test_end_of_a_request_that_raises_is_written(self):
        worker = self.serving()
        number = worker.request("/raise")
        self.assertIsNone(worker.reply(number).status)
        self.await_(lambda: self.slot(worker) == (number, number, number, 0), "the request's end")

    @needs_board
    def test_revoked_requests_are_skipped_and_those_behind_served(self):
        worker = self.serving(lanes=2)
        held = worker.request("/hold")
        self.await_(lambda: self.slot(worker)[STARTED] == held, "the request's begin")
        taken = [worker.request("/taken"), worker.request("/taken")]
        worker.board[8 + REVOKED] = taken[-1]
        kept = worker.request("/kept")
        worker.reply(worker.request("/release", lane=1), 1)
        self.assertEqual(worker.reply(held).status, "200 OK")
        for number in taken:
            self.assertEqual(
                worker.reply(number).frames, [(frames.END, frames.FLAG_END | frames.FLAG_SKIPPED)])
        # Without the interpreter's lock the first two come in either order.
        self.assertCountEqual(worker.reply(kept).body.split(), [b"/hold", b"/release", b"/kept"])
        self.await_(lambda: self.slot(worker) == (kept, kept, kept, taken[-1]), "the slot")

    @needs_board
    def test_revoked_request_is_not_entered(self):
        worker = self.serving(lanes=2)
        held, taken = worker.request("/hold"), worker.request("/taken")
        self.await_(lambda: self.slot(worker)[STARTED] == held, "the request's begin")
        worker.board[8 + REVOKED] = taken
        worker.reply(worker.request("/release", lane=1), 1)
        worker.reply(held)
        worker.reply(taken)
        self.await_(lambda: self.slot(worker) == (taken, held, taken, taken), "the slot")

    @needs_board
    def test_request_that_ends_before_its_call_is_not_entered(self):
        for kind in (frames.CANCEL, frames.EXPIRE):
            with self.subTest(kind=kind):
                worker = self.serving(lanes=2)
                held, ended = worker.request("/hold"), worker.request("/ended")
                self.await_(lambda: self.slot(worker)[STARTED] == held, "the request's begin")
                worker.control.send(kind, number=ended, aux=0)
                worker.log()  # it has been read
                worker.reply(worker.request("/release", lane=1), 1)
                worker.reply(held)
                self.assertIsNone(worker.reply(ended).status)
                self.await_(lambda: self.slot(worker) == (ended, held, ended, 0), "the slot")

    @needs_board
    def test_request_that_the_process_dies_of_before_its_call_is_not_entered(self):
        worker = self.serving()
        trap = worker.request("/trap")
        worker.reply(trap)
        died = worker.request("/died")
        self.assertEqual(worker.wait(), 4)
        self.assertEqual(self.slot(worker), (died, trap, trap, 0))

    @needs_board
    def test_revoking_what_has_begun_changes_nothing(self):
        worker = self.serving(lanes=2)
        held = worker.request("/hold")
        self.await_(lambda: self.slot(worker)[STARTED] == held, "the request's begin")
        worker.board[8 + REVOKED] = held
        worker.reply(worker.request("/release", lane=1), 1)
        self.assertEqual(worker.reply(held).status, "200 OK")

    @needs_board
    def test_heart_beats_while_a_request_is_served_and_rests_then(self):
        worker = self.serving(lanes=2)
        self.assertEqual(worker.board[BEAT], 0)
        held = worker.request("/hold")
        self.await_(lambda: worker.board[BEAT] >= 3, "beats")
        worker.reply(worker.request("/release", lane=1), 1)
        worker.reply(held)

        before = self.await_still(worker, 0.5, "the heart to rest")
        self.await_(lambda: worker.get("/again") and worker.board[BEAT] > before, "beats again")

    @needs_board
    @unittest.skipUnless(pasted.LOCKED, "there is no lock to hold")
    def test_heart_stands_still_while_the_lock_is_held(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        fifo = os.path.join(folder.name, "fifo")
        os.mkfifo(fifo)
        with open(os.open(fifo, os.O_RDWR), "wb", buffering=0) as release:
            worker = self.serving()
            number = worker.request("/deaf", QUERY_STRING=fifo)
            self.await_(lambda: self.slot(worker)[STARTED] == number, "the request's begin")
            before = self.await_still(worker, 0.8, "the heart to stand still")
            release.write(b"x")
            worker.reply(number)
            self.await_(lambda: worker.board[BEAT] > before, "beats again")

    @needs_board
    def test_slots_outlive_the_process(self):
        worker = self.serving()
        died = worker.request("/die")
        try:
            worker.request("/behind")
        except BrokenPipeError:
            pass  # it has died already
        self.assertEqual(worker.wait(), 3)
        self.assertEqual(self.slot(worker), (died, died, 0, 0))

    def test_killed_while_stopped_has_begun_nothing(self):
        worker = self.serving()
        os.kill(worker.pid, signal.SIGSTOP)
        os.waitpid(worker.pid, os.WUNTRACED)
        worker.request("/never")
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        self.assertEqual(self.slot(worker), (0, 0, 0, 0))

    @needs_board
    def test_process_that_the_application_forks_writes_nothing(self):
        worker = self.serving()
        first = worker.request("/fork")
        second = worker.request("/after")
        worker.reply(first)
        self.assertEqual(worker.reply(second).body, b"/fork /after")
        self.await_(lambda: self.slot(worker) == (second, second, second, 0), "the end")

    def test_without_a_board_requests_are_served(self):
        worker = self.serving(board=False)
        self.assertFalse(worker.ready["board"])
        self.assertEqual(worker.get("/a").body, b"/a")

    def test_board_of_another_layout_is_not_kept(self):
        worker = pasted.loaded(self, APP)
        words = worker.give_board(1, version=2)
        worker.serve(board=False)
        self.assertFalse(worker.ready["board"])
        worker.get("/a")
        self.assertEqual((words[BEAT], list(words[8:])), (0, [0] * 16))


if __name__ == "__main__":
    unittest.main()
