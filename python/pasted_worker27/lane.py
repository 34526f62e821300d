"""A lane: requests in, the application's answers out.

A thread serves a lane. The answer to a request has gone before the next one is
touched, for after a death Pasted takes the first request without an answer as
the last that the application has seen, and gives those behind it to another
worker.
"""

import functools
import io
import logging
import marshal
import os
import sys
import threading
import traceback

from pasted_worker import descriptors, failure, streams
from pasted_worker.answer import Answer, ClientGone
from pasted_worker.body import FIRST, BodyBroken, FileWrapper, RequestBody
from pasted_worker.frames import (
    BODY, FLAG_BODY, FLAG_END, FLAG_FAILED, HEAD, REQUEST, WANT, WANTED)
from pasted_worker.log import ErrorStream, current

RECEIVE = 64 * 1024  # bytes read at a time


class LaneEnded(EnvironmentError):
    """The other side has closed the lane."""


class Lane(object):
    """One lane of this worker. Its own thread serves it."""

    def __init__(self, index, descriptor, roots, log):
        self.index = index
        self.number = 0                    # of the request that is served, or was last
        # Numbers of requests that nobody waits for. The control connection's
        # reader adds, the lane's thread takes out.
        self.cancelled = set()
        self._descriptor = descriptor
        self._roots = roots
        self._log = log
        self._early = []                   # requests that came while a body was awaited
        self._rest = b""                   # the beginning of a frame
        # A body may be read, in the application's other threads, while its
        # answer is sent: the two take turns.
        self._with_body = 0                # the request's number; 0: it has none
        self._sharing = threading.RLock()
        self._piece = None                 # of the body, as the last Body frame had it
        self._asked = False                # a piece has been asked for, and has not come

    def abandon(self):
        """Leave the lane to the process that this one was forked from."""
        self._sharing = threading.RLock()
        self._close()

    def run(self):
        """Serve until the lane ends, and then close it."""
        current.lane = self
        try:
            while True:
                requests, self._early = self._early or self._receive(), []
                for request in requests:
                    self._serve(*request)
                requests = request = None  # nothing is held while the lane is idle
        except EnvironmentError:
            pass  # the other side has ended the lane
        finally:
            self._close()

    def _close(self):
        with self._sharing:
            descriptor, self._descriptor = self._descriptor, -1
            if descriptor >= 0:
                os.close(descriptor)

    # Receiving and sending.

    def _receive(self):
        """Read once, and return the requests that have come, as (number, flags, root, payload)."""
        data = self._rest + self._read(RECEIVE)
        requests, start = [], 0
        while start + HEAD.size <= len(data):
            length, kind, flags, aux, number = HEAD.unpack_from(data, start)
            end = start + HEAD.size + length
            if end > len(data):
                if length <= RECEIVE:
                    break
                data, start = self._complete(data[start:], HEAD.size + length), 0
                end = len(data)
            if kind == REQUEST:
                requests.append((number, flags, aux, data[start + HEAD.size:end]))
            elif kind == BODY and number == self._with_body:
                self._asked = False
                self._piece = (
                    data[start + HEAD.size:end], flags & FLAG_END != 0, flags & FLAG_FAILED != 0)
            start = end
        self._rest = data[start:]
        return requests

    def _read(self, size):
        data = descriptors.read(self._descriptor, size)
        if not data:
            raise LaneEnded
        return data

    def _complete(self, begin, size):
        """Return the whole of a large frame, which begins with begin."""
        pieces, size = [begin], size - len(begin)
        while size:
            pieces.append(self._read(size))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def send(self, frame):
        """Send one frame."""
        if self._with_body:
            with self._sharing:
                descriptors.write(self._descriptor, frame)
        else:
            descriptors.write(self._descriptor, frame)

    def _ask_body(self, number, size):
        """Return at most size bytes of the request's body, whether they end it or it breaks off.

        Any thread may ask; it is None when the request has ended.
        """
        with self._sharing:
            if self._with_body != number:
                return None
            if not self._asked:  # else one was raised in who has asked before
                self.send(HEAD.pack(WANTED.size, WANT, 0, self.index, number) + WANTED.pack(size))
                self._asked = True
            while self._piece is None:
                self._early += self._receive()
            piece, self._piece = self._piece, None
            return piece

    # One request.

    def _serve(self, number, flags, root, payload):
        """Call the application for one request and send its answer."""
        self.number = number
        errors = ErrorStream(self._log, number)
        answer = Answer(self, number)
        try:
            if number in self.cancelled:
                raise ClientGone("the client has gone before its request was begun")
            environ = marshal.loads(payload)
            environ["wsgi.errors"] = errors
            environ["wsgi.file_wrapper"] = FileWrapper
            if flags & FLAG_BODY:
                self._with_body = number
                self._piece, self._asked = None, False
                body = RequestBody(functools.partial(self._ask_body, number))
                environ["wsgi.input"] = io.BufferedReader(body, FIRST)
            else:
                environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"])
            result = self._roots[root](environ, answer.start_response)
            if type(result) is list or type(result) is tuple:
                answer.send_whole(result)
            else:
                self._send_each(result, answer)
        except:  # noqa: E722  a string or an old class too
            self._fail(sys.exc_info(), answer, errors)
        sys.exc_clear()  # which would hold the frames, and the environ, until the next one
        errors.end()
        if self._with_body:
            with self._sharing:
                self._with_body = 0
        for cancelled in tuple(self.cancelled):
            if cancelled <= number:  # numbers only grow
                self.cancelled.discard(cancelled)

    @staticmethod
    def _send_each(result, answer):
        """Send what an iterable yields, and close it (PEP 3333)."""
        try:
            if type(result) is FileWrapper:
                result.widen()
            answer.send_each(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _fail(self, exc_info, answer, errors):
        """End a request whose application has raised, or whose client has gone."""
        if self._descriptor < 0:
            _leave(exc_info)
        errors.end()
        if not isinstance(exc_info[1], (ClientGone, LaneEnded, BodyBroken)):
            self._log.write(logging.ERROR, failure.traceback_of(exc_info).rstrip("\n"), errors.number)
        answer.fail()


def _leave(exc_info):
    """End a process that the application has forked and not ended itself.

    What its code raised has come up to where a worker's requests are served,
    which is none of its business.
    """
    status = 1
    if isinstance(exc_info[1], SystemExit):
        code = exc_info[1].code
        status = code if isinstance(code, int) else int(code is not None)
    else:
        traceback.print_exception(*exc_info)
    streams.flush()
    os._exit(status & 0xFF)
