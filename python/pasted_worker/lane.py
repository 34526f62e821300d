"""A lane: requests in, the application's answers out.

A thread serves a lane. What it does for each request is the hot path of the
Python side: one receive, one loads, one dumps and one send for a small answer.
"""

import collections
import functools
import io
import logging
import marshal
import os
import socket
import threading
import traceback

from pasted_worker import failure, streams
from pasted_worker.answer import Answer, ClientGone
from pasted_worker.body import FIRST, FileWrapper, RequestBody
from pasted_worker.frames import BODY, FLAG_BODY, FLAG_END, HEAD, REQUEST, WANT, WANTED
from pasted_worker.log import ErrorStream, current

RECEIVE = 64 * 1024  # bytes read at a time, unless a frame is larger

_unpack = HEAD.unpack_from
_loads = marshal.loads


class LaneEnded(ConnectionError):
    """The other side has closed the lane."""


class Lane:
    """One lane of this worker. Its own thread serves it."""

    def __init__(self, index, descriptor, roots, log):
        self.index = index
        # Numbers of requests that nobody waits for. The control connection's
        # reader adds, the lane's thread takes out.
        self.cancelled = set()
        self._socket = socket.socket(fileno=descriptor)
        self._read = self._socket.recv
        self._send = self._socket.sendall
        self._roots = roots
        self._log = log
        self._queue = collections.deque()  # requests that have come before their turn
        self._rest = b""                   # the beginning of a frame
        # A body may be read, in the application's other threads, while its
        # answer is sent: for such a request the two take turns.
        self._with_body = 0                # the request's number; 0: it has none
        self._sharing = threading.Lock()
        self._piece = None                 # of the body, as the last Body frame had it

    def abandon(self):
        """Leave the lane to the process that this one was forked from."""
        self._sharing = threading.Lock()
        self._socket.close()

    def run(self):
        """Serve until the lane ends, and then close it."""
        queue, serve, receive = self._queue, self._serve, self._receive
        try:
            while True:
                while not queue:
                    receive()
                serve(*queue.popleft())
        except OSError:
            pass  # the other side has ended the lane
        finally:
            self._socket.close()

    # Receiving.

    def _receive(self):
        """Read once, and queue what has come."""
        data = self._read(RECEIVE)
        if not data:
            raise LaneEnded
        if self._rest:
            data, self._rest = self._rest + data, b""
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
                self._queue.append((number, flags, aux, data[start + 16:end]))
            elif kind == BODY:
                self._piece = (memoryview(data)[start + 16:end], flags & FLAG_END != 0)
            start = end
        if start < size:
            self._rest = data[start:]

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

    def send(self, frame):
        """Send one frame."""
        if self._with_body:
            with self._sharing:
                self._send(frame)
        else:
            self._send(frame)

    def send_buffers(self, buffers):
        """Send frames that lie in several buffers."""
        if self._with_body:
            with self._sharing:
                self._gather(buffers)
        else:
            self._gather(buffers)

    def _gather(self, buffers):
        sent = self._socket.sendmsg(buffers)
        for buffer in buffers:
            if sent < len(buffer):  # a signal has come between
                self._send(memoryview(buffer)[sent:])
            sent = max(sent - len(buffer), 0)

    def _ask_body(self, number, size):
        """Return at most size bytes of the request's body and whether they end it.

        Any thread may ask; it is None when the request has ended.
        """
        with self._sharing:
            if self._with_body != number:
                return None
            self._send(HEAD.pack(WANTED.size, WANT, 0, self.index, number) + WANTED.pack(size))
            while self._piece is None:
                self._receive()
            piece, self._piece = self._piece, None
            return piece

    # One request.

    def _serve(self, number, flags, root, payload):
        """Call the application for one request and send its answer."""
        current.number = number
        errors = ErrorStream(self._log, number)
        answer = Answer(self, number)
        try:
            if self.cancelled and number in self.cancelled:
                raise ClientGone("the client has gone before its request was begun")
            environ = _loads(payload)
            environ["wsgi.errors"] = errors
            environ["wsgi.file_wrapper"] = FileWrapper
            if flags & FLAG_BODY:
                self._with_body = number
                body = RequestBody(functools.partial(self._ask_body, number))
                environ["wsgi.input"] = io.BufferedReader(body, FIRST)
            else:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"])
            self._call(self._roots[root], environ, answer)
        except BaseException as error:
            self._fail(error, answer, errors)
        errors.ended = True
        if errors.rest:
            errors.end()
        if self._with_body:
            with self._sharing:
                self._with_body = 0
        if self.cancelled:
            self._forget(number)

    def _call(self, application, environ, answer):
        result = application(environ, answer.start_response)
        kind = type(result)
        if kind is list or kind is tuple:
            answer.send_whole(result)
            return
        try:
            if kind is FileWrapper:
                result.widen()
            answer.send_each(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _fail(self, error, answer, errors):
        """End a request whose application has raised, or whose client has gone."""
        if self._socket.fileno() < 0:
            _leave(error)
        errors.end()
        if not isinstance(error, (ClientGone, LaneEnded)):
            self._log.write(logging.ERROR, failure.traceback_of(error).rstrip("\n"), errors.number)
        answer.fail()

    def _forget(self, number):
        """Forget what has been cancelled up to number; numbers only grow."""
        for cancelled in tuple(self.cancelled):
            if cancelled <= number:
                self.cancelled.discard(cancelled)


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
