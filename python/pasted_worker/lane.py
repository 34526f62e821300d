"""A lane: requests in, the application's answers out.

A thread serves a lane. What it does for each request is the hot path of the
Python side: for a small answer one loads, one dumps at most and one send. What
has come together is received together. Answers are not sent together: each must
have gone before the next request is touched, for what a death keeps from being
sent is lost to its client. The board tells Pasted which request the application
has seen last: those behind it go to another worker, after a death or when Pasted
takes them back.
"""

import array
import errno
import functools
import io
import logging
import marshal
import os
import socket
import threading
import time
import traceback

from pasted_worker import board, failure, fences, greenlets, streams
from pasted_worker.answer import NOT_PREPARED, Answer, ClientGone
from pasted_worker.board import ENDED, ENTERED, REVOKED, SKIPPED, STARTED
from pasted_worker.body import FIRST, BodyBroken, FileWrapper, RequestBody
from pasted_worker.deadline import (
    ClientDisconnected, DeadlineExceeded, Interrupted, stack_of, strike, unstrike)
from pasted_worker.environ import KEYS  # noqa: F401  kept by being imported
from pasted_worker.frames import (
    BODY, END, FLAG_BODY, FLAG_END, FLAG_FAILED, FLAG_LOCAL, FLAG_SKIPPED, FLAG_TIMED, HEAD, REQUEST,
    WANT, WANTED)
from pasted_worker.log import ErrorStream, current

RECEIVE = 64 * 1024  # bytes read at a time, unless a frame is larger

_unpack = HEAD.unpack_from
_loads = marshal.loads
_BytesIO = io.BytesIO


class LaneEnded(ConnectionError):
    """The other side has closed the lane."""


class Lane:
    """One lane of this worker. Its own thread serves it."""

    def __init__(self, index, descriptor, roots, log, shared=board.NONE):
        self.index = index
        self._board = shared
        self._slot = shared.slot(index)
        self._take, self._release = fence = fences.fence()
        self.ring = shared.ring(index, self._slot, fence)
        self.turn = threading.Lock()       # held where a run is ended and another begun
        self.number = 0                    # of the request that is served, or was last
        self.prepared = NOT_PREPARED       # status, fields, and both as they are sent
        # Numbers of requests that nobody waits for. The control connection's
        # reader adds, the lane's thread takes out.
        self.cancelled = set()
        # See deadline.py. overdue has the exceptions that are still to be raised,
        # by the requests' numbers.
        self.inside = [0]
        self.overdue = {}
        self.shield = Shield(self)
        self._struck = False               # one has been raised from outside
        self._striking = threading.Lock()
        self.thread = 0
        self._greenlet = None              # in the thread's place
        self._socket = socket.socket(fileno=descriptor)
        self._read = self._socket.recv
        self.send = self._socket.sendall   # one frame; but see _share
        self._roots = roots
        self._log = log
        self._early = []                   # requests that came while a body was awaited
        self._rest = b""                   # the beginning of a frame
        self._abandoned = False            # this process is one that the application has forked
        # A body may be read, in the application's other threads, while its
        # answer is sent: for such a request the two take turns.
        self._with_body = 0                # the request's number; 0: it has none
        self._sharing = threading.Lock()
        self._piece = None                 # of the body, as the last Body frame had it
        self._asked = False                # a piece has been asked for, and has not come

    def abandon(self):
        """Leave the lane to the process that this one was forked from."""
        self._sharing = threading.Lock()
        self._striking = threading.Lock()
        self._board, self._slot = board.NONE, board.no_slot()
        self.ring.abandon()
        self.turn = threading.Lock()
        self._abandoned = True
        if greenlets.used():
            greenlets.abandon(self._socket.fileno())
        else:
            self._socket.close()

    def run(self):
        """Serve until the lane ends, and then close it."""
        current.lane = self
        self.thread = threading.get_ident()
        self._greenlet = greenlets.current()
        serve, receive = self._serve, self._receive
        try:
            while True:
                requests, self._early = self._early or receive(), []
                for number, flags, root, payload in requests:
                    serve(number, flags, root, payload)
                requests = payload = None  # nothing is held while the lane is idle
        except (OSError, Interrupted):
            # An Interrupted that has come up out of its place leaves a lane in
            # an unknown state, and the worker with it.
            pass  # the other side has ended the lane
        finally:
            self._socket.close()

    # Receiving.

    def _receive(self):
        """Read once, and return the requests that have come, as (number, flags, root, payload)."""
        data = self._read(RECEIVE)
        if not data:
            raise LaneEnded
        if self._rest:
            data, self._rest = self._rest + data, b""
        requests = []
        start, size = 0, len(data)
        while start + 16 <= size:
            length, kind, flags, aux, number = _unpack(data, start)
            end = start + 16 + length
            if end > size:
                if length > RECEIVE:
                    data, start = self._complete(data[start:], length), 0
                    size = end = 16 + length
                else:
                    break
            if kind == REQUEST:
                requests.append((number, flags, aux, data[start + 16:end]))
            elif kind == BODY and number == self._with_body:
                self._asked = False
                self._piece = (
                    memoryview(data)[start + 16:end], flags & FLAG_END != 0, flags & FLAG_FAILED != 0)
            start = end
        if start < size:
            self._rest = data[start:]
        return requests

    def _complete(self, begin, length):
        """Return the whole of a large frame, which begins with begin."""
        frame = bytearray(16 + length)
        frame[:len(begin)] = begin
        view = memoryview(frame)[len(begin):]
        while view:
            got = self._socket.recv_into(view)
            if not got:
                raise LaneEnded
            view = view[got:]
        return frame

    # Sending.

    def send_both(self, head, data):
        """Send frames whose last one's payload lies in a buffer of its own."""
        if self._with_body:
            with self._sharing:
                self._gather(head, data)
        else:
            self._gather(head, data)

    def _gather(self, head, data):
        sent = self._socket.sendmsg((head, data))
        if sent < len(head) + len(data):  # a signal has come between
            if sent < len(head):
                self._socket.sendall(head[sent:])
            self._socket.sendall(memoryview(data)[max(sent - len(head), 0):])

    def send_descriptor(self, frame, descriptor):
        """Send a frame with a descriptor; return False, and send nothing, if that cannot be done now."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        with self._sharing:
            try:
                sent = self._socket.sendmsg([frame], rights)
            except OSError as error:
                if error.errno == errno.ETOOMANYREFS:
                    return False
                raise
            if sent < len(frame):  # a signal has come between
                self._socket.sendall(memoryview(frame)[sent:])
        return True

    def _share(self, number):
        """Let other threads read the body of this request while its answer is sent."""
        self._with_body = number
        self._piece, self._asked = None, False
        self.send = self._send_in_turn

    def _unshare(self):
        """Undo _share; whoever reads the body later finds that its request has ended."""
        with self._sharing:
            self._with_body = 0
            self.send = self._socket.sendall

    def _send_in_turn(self, frame):
        with self.shield, self._sharing:
            self._socket.sendall(frame)

    def _ask_body(self, number, size):
        """Return at most size bytes of the request's body, whether they end it or it breaks off.

        Any thread may ask; it is None when the request has ended.
        """
        with self.shield, self._sharing:
            if self._with_body != number:
                return None
            if not self._asked:  # else one was raised in who has asked before
                self._socket.sendall(HEAD.pack(WANTED.size, WANT, 0, self.index, number) + WANTED.pack(size))
                self._asked = True
            while self._piece is None:
                self._early += self._receive()
            piece, self._piece = self._piece, None
            return piece

    # One request.

    def _serve(self, number, flags, root, payload):
        """Call the application for one request and send its answer."""
        slot = self._slot
        slot[STARTED] = number
        self._take()
        self._release()
        if slot[REVOKED] >= number:
            self._skip(number)
            return
        if self._board.resting:
            self._board.wake()
        self.number = number
        inside = self.inside
        errors = ErrorStream(self._log, number)
        answer = Answer(self, number)
        environ = None
        try:
            if self.cancelled and number in self.cancelled:
                raise ClientGone("the client has gone before its request was begun")
            environ = _loads(payload)
            environ["wsgi.errors"] = errors
            environ["wsgi.file_wrapper"] = FileWrapper
            environ["wsgi.early_hints"] = answer.inform
            if "pasted.queue_time" in environ:  # for now, when it came
                environ["pasted.queue_time"] = time.monotonic() - environ["pasted.queue_time"]
            if flags & FLAG_TIMED:
                environ["pasted.extend_deadline"] = Deadline(
                    number, environ["pasted.deadline"], self._log)
            if flags & FLAG_BODY:
                self._share(number)
                body = RequestBody(functools.partial(self._ask_body, number))
                environ["wsgi.input"] = io.BufferedReader(body, FIRST)
            else:
                environ["wsgi.input"] = _BytesIO(environ["wsgi.input"])
            inside[0] = number
            if self.overdue:
                self.stop_if_overdue(number)
            slot[ENTERED] = number  # the last thing before the call: see board
            result = self._roots[root](environ, answer.start_response)
            kind = type(result)
            if kind is list or kind is tuple:
                inside[0] = 0
                answer.send_whole(result)
            else:
                self._send_each(result, answer)
        except BaseException as error:
            inside[0] = 0
            try:
                self._fail(error, answer, errors, environ, flags)
            except Interrupted as late:  # raised before inside was 0
                self._fail(late, answer, errors, environ, flags)
        inside[0] = 0
        errors.ended = True
        if errors.rest:
            errors.end()
        if self._with_body:
            self._unshare()
        if self.cancelled:
            self._forget(number)
        if self.overdue or self._struck:
            self._settle(number)
        self._slot[ENDED] = number  # a process forked meanwhile has another slot

    def _skip(self, number):
        """Say that Pasted has taken this request back in time."""
        self._slot[SKIPPED] = number
        self.send(HEAD.pack(0, END, FLAG_END | FLAG_SKIPPED, self.index, number))
        if self.cancelled:
            self._forget(number)
        if self.overdue:
            self._settle(number)
        self._slot[ENDED] = number

    @staticmethod
    def _send_each(result, answer):
        """Send what an iterable yields, and close it (PEP 3333)."""
        try:
            if type(result) is FileWrapper:
                if answer.send_file(result):
                    return
                result.widen()
            answer.send_each(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _fail(self, error, answer, errors, environ, flags):
        """End a request whose application has raised, or whose client has gone."""
        if self._abandoned:
            _leave(error)
        errors.end()
        if not isinstance(error, (ClientGone, LaneEnded, BodyBroken, Interrupted)):
            text = failure.traceback_of(error)
            self._log.failed(text, failure.request_line(environ), errors.number)
            if flags & FLAG_LOCAL and not answer.begun:
                answer.show(failure.page(text, environ))
        answer.fail()

    # Requests that are to stop.

    def expire(self, number, gone):
        """Have the application stop what it does for a request. For any thread."""
        if not gone and self.number == number:
            self._log.write(logging.WARNING, "the request is past its deadline, its thread is here:\n"
                            + (greenlets.stack_of(self._greenlet) or stack_of(self.thread)), number)
        exception = ClientDisconnected if gone else DeadlineExceeded
        with self._striking:
            self.overdue[number] = exception
            try:
                if self.strike(number, exception):
                    del self.overdue[number]
                    self._struck = True
            except (ImportError, AttributeError, NotImplementedError) as error:  # the first two: no ctypes
                self._log.write(logging.ERROR, "a thread cannot be stopped: %s" % error, number)

    def strike(self, number, exception):
        """Raise exception in the application if it is called for this request now."""
        if self._greenlet is not None:
            return greenlets.strike(self, self._greenlet, number, exception)
        return strike(self.inside, number, self.thread, exception)

    def stop_if_overdue(self, number):
        """Raise what has come while nothing could be raised from outside."""
        self.inside[0] = 0  # see log.shield; inside is set again before others have the lock
        with self._striking:
            exception = self.overdue.pop(number, None)
            self.inside[0] = number
        if exception is not None:
            raise exception

    def _settle(self, number):
        """Forget what was to be raised for requests up to number."""
        with self._striking:
            self._struck = False
            unstrike(self.thread)
            for overdue in tuple(self.overdue):
                if overdue <= number:
                    del self.overdue[overdue]

    def _forget(self, number):
        """Forget what has been cancelled up to number; numbers only grow."""
        for cancelled in tuple(self.cancelled):
            if cancelled <= number:
                self.cancelled.discard(cancelled)


class Shield:
    """A part of the lane's own work in which nothing is raised from outside.

    It may be entered again inside. Other threads than the lane's may enter it; that
    changes nothing for it.
    """

    def __init__(self, lane):
        self._lane = lane
        self._was = 0
        self._depth = 0

    def __enter__(self):
        lane = self._lane
        if threading.get_ident() == lane.thread:
            if not self._depth:
                self._was, lane.inside[0] = lane.inside[0], 0
            self._depth += 1

    def __exit__(self, *exc_info):
        lane = self._lane
        if threading.get_ident() == lane.thread:
            self._depth -= 1
            if not self._depth:
                lane.inside[0] = self._was
                if lane.overdue and self._was:
                    lane.stop_if_overdue(self._was)


class Deadline:
    """pasted.extend_deadline of one request."""

    __slots__ = ("_number", "_at", "_log")

    def __init__(self, number, at, log):
        self._number = number
        self._at = at
        self._log = log

    def __call__(self, seconds):
        """Let the request go on for so many seconds from now, and return its deadline.

        That is as time.monotonic() counts; it never becomes earlier.
        """
        at = time.monotonic() + seconds
        if not at < float("inf"):
            raise ValueError("extend_deadline(%r): want a number of seconds" % (seconds,))
        if at > self._at:
            self._at = at
            self._log.control.extend(self._number, seconds)
        return self._at


def _leave(error):
    """End a process that the application has forked and not ended itself.

    What its code raised has come up to where a worker's requests are served,
    which is none of its business.
    """
    status = 1
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    else:
        traceback.print_exception(type(error), error, error.__traceback__)
    streams.flush()
    os._exit(status & 0xFF)
