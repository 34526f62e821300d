"""A lane: requests in, the application's answers out.

A thread serves a lane. What it does for each request is the hot path of the
Python side: one receive, one loads, one dumps and one send for a small answer.
"""

import io
import marshal
import socket
import struct
import threading
import traceback
from collections import deque

from pasted_worker.control import HEAD

REQUEST, BODY = 0x40, 0x41
HEAD_FRAME, DATA, END, WANT = 0x60, 0x61, 0x62, 0x63
FLAG_END, FLAG_FAILED, FLAG_BODY = 1, 2, 4

RECEIVE = 128 * 1024  # bytes read at a time
WHOLE = 64 * 1024     # an answer's body up to this size goes with its head
PIECE = 256 * 1024    # most of a body in one frame
ASK = struct.Struct("<I")

_unpack = HEAD.unpack_from
_pack = HEAD.pack
_loads = marshal.loads
_dumps = marshal.dumps


# current.number is the request that a lane's thread serves.
current = threading.local()


class ClientGone(Exception):
    """Nobody waits for the answer any more."""


class LaneEnded(Exception):
    """The other side has closed the lane."""


class FileWrapper:
    """wsgi.file_wrapper: the blocks of a file-like object."""

    def __init__(self, filelike, blksize=64 * 1024):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


class ErrorStream(io.TextIOBase):
    """wsgi.errors of one request: whole lines go to the log."""

    def __init__(self, log, number):
        super().__init__()
        self._log = log
        self._number = number
        self._rest = ""

    def writable(self):
        return True

    def write(self, text):
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            self._log(30, line, self._number)
        return len(text)

    def flush(self):
        """Nothing: an unfinished line is logged at the request's end."""

    def finish(self):
        if self._rest:
            self._log(30, self._rest, self._number)
            self._rest = ""


class RequestBody(io.RawIOBase):
    """A request's body that comes in pieces, each when it is asked for."""

    def __init__(self, lane, number):
        super().__init__()
        self._lane = lane
        self._number = number
        self._piece = memoryview(b"")
        self._ended = False

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._piece and not self._ended:
            want = min(max(len(buffer), 64 * 1024), PIECE)
            payload, self._ended = self._lane.ask_body(self._number, want)
            self._piece = memoryview(payload)
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size


class Lane:
    """One lane of this worker. Only its own thread uses it, but cancel()."""

    def __init__(self, index, descriptor, roots, log):
        self._socket = socket.socket(fileno=descriptor)
        self._index = index
        self._roots = roots
        self._log = log
        self._queue = deque()   # requests that have come before their turn
        self._buffer = bytearray()
        self._cancelled = set() # numbers; emptied when the lane is idle
        self._body = None       # the Body frame that ask_body waits for

    def cancel(self, number):
        """Say that nobody waits for this request. From the control thread."""
        self._cancelled.add(number)

    def run(self):
        """Serve until the lane ends."""
        queue = self._queue
        try:
            while True:
                while not queue:
                    if self._cancelled:
                        self._cancelled.clear()
                    self._receive()
                self._serve(*queue.popleft())
        except (LaneEnded, OSError):
            pass
        finally:
            self._socket.close()

    # Receiving.

    def _receive(self):
        """Read once and take apart what is complete."""
        data = self._socket.recv(RECEIVE)
        if not data:
            raise LaneEnded
        if self._buffer:
            self._buffer += data
            data = self._buffer
        used, size = 0, len(data)
        while size - used >= 16:
            length, kind, flags, aux, number = _unpack(data, used)
            end = used + 16 + length
            if end > size:
                break
            payload = data[used + 16:end]
            if kind == REQUEST:
                self._queue.append((number, flags, aux, payload))
            elif kind == BODY:
                self._body = (payload, flags & FLAG_END)
            used = end
        if used < size or data is self._buffer:
            self._buffer = bytearray(data[used:])

    def ask_body(self, number, want):
        """Return the next piece of the body and whether it is the last."""
        self._send(WANT, 0, number, ASK.pack(want))
        self._body = None
        while self._body is None:
            self._receive()
        return self._body

    # Sending.

    def _send(self, kind, flags, number, payload):
        self._socket.sendall(_pack(len(payload), kind, flags, self._index, number) + payload)

    def _send_large(self, number, data, flags):
        """Send a body that may be of any size in Data frames."""
        view = memoryview(data).cast("B") if not isinstance(data, memoryview) else data
        while True:
            piece, view = view[:PIECE], view[PIECE:]
            last = 0 if view else flags
            head = _pack(len(piece), DATA, last, self._index, number)
            sent = self._socket.sendmsg([head, piece])
            if sent < 16 + len(piece):
                self._socket.sendall(memoryview(head + bytes(piece))[sent:])
            if not view:
                return

    # One request.

    def _serve(self, number, flags, root, payload):
        if number in self._cancelled:
            self._send(END, FLAG_END | FLAG_FAILED, number, b"")
            return
        current.number = number
        environ = _loads(payload)
        errors = ErrorStream(self._log, number)
        environ["wsgi.errors"] = errors
        environ["wsgi.file_wrapper"] = FileWrapper
        if flags & FLAG_BODY:
            environ["wsgi.input"] = io.BufferedReader(RequestBody(self, number), 64 * 1024)
        else:
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"])
        answer = _Answer(self, number)
        try:
            self._call(self._roots[root], environ, answer)
        except (LaneEnded, OSError) as error:
            if isinstance(error, LaneEnded) or self._socket.fileno() < 0:
                raise
            self._fail(number, answer, errors)
        except ClientGone:
            self._send(END, FLAG_END | FLAG_FAILED, number, b"")
        except BaseException:
            self._fail(number, answer, errors)
        finally:
            errors.finish()

    def _call(self, application, environ, answer):
        result = application(environ, answer.start_response)
        try:
            kind = type(result)
            if kind is list or kind is tuple:
                answer.whole(result)
                return
            write = answer.write
            for data in result:
                if data:
                    write(data)
                elif type(data) is not bytes:
                    answer.check(data)
            answer.finish()
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _fail(self, number, answer, errors):
        errors.finish()
        for line in traceback.format_exc().rstrip("\n").split("\n"):
            self._log(40, line, number)
        if not answer.ended:
            self._send(END, FLAG_END | FLAG_FAILED, number, b"")


class _Answer:
    """The answer to one request, PEP 3333's start_response and write."""

    __slots__ = ("_lane", "_number", "_head", "_sent", "ended")

    def __init__(self, lane, number):
        self._lane = lane
        self._number = number
        self._head = None
        self._sent = False
        self.ended = False

    def start_response(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle with the traceback
        elif self._head is not None:
            raise AssertionError("start_response() called again without exc_info")
        if type(status) is not str:
            raise TypeError("status is %r: want a str" % (status,))
        if len(status) < 3 or not status[:3].isdigit() or status[3:4] not in ("", " "):
            raise ValueError("status is %r: want three digits, a space and a reason" % (status,))
        if type(headers) is not list:
            headers = list(headers)
        try:
            # What marshal cannot carry, or the other side would refuse, is
            # the application's mistake, and is better raised in its call.
            self._head = _dumps((status, headers), 2)
            for name, value in headers:
                if type(name) is not str or type(value) is not str:
                    raise TypeError("field (%r, %r): want two str" % (name, value))
        except ValueError:
            self._head = _dumps((status, _plain_fields(headers)), 2)
        return self.write

    def check(self, data):
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError("the application's answer has %r: want bytes" % (data,))

    def write(self, data):
        """Send data, after the head if that has not been sent."""
        if type(data) is not bytes:
            self.check(data)
        lane = self._lane
        if lane._cancelled and self._number in lane._cancelled:
            raise ClientGone
        if self._sent:
            lane._send_large(self._number, data, 0)
        elif len(data) <= WHOLE:
            self._begin(data, 0)
        else:
            self._begin(b"", 0)
            lane._send_large(self._number, data, 0)

    def _begin(self, data, flags):
        if self._head is None:
            raise AssertionError("the application did not call start_response()")
        self._sent = True
        if flags:
            self.ended = True
        self._lane._send(HEAD_FRAME, flags, self._number, self._head + data)

    def whole(self, items):
        """Send the answer of an application that returned a list or a tuple."""
        if len(items) == 1 and type(items[0]) is bytes:
            data = items[0]
        else:
            for item in items:
                self.check(item)
            data = b"".join(items)
        if not self._sent and len(data) <= WHOLE:
            self._begin(data, FLAG_END)
            return
        if data:
            self.write(data)
        self.finish()

    def finish(self):
        """End the answer."""
        if not self._sent:
            self._begin(b"", FLAG_END)
            return
        self.ended = True
        self._lane._send(END, FLAG_END, self._number, b"")


def _plain_fields(headers):
    """Return headers as plain tuples of plain str, subclasses taken off."""
    fields = []
    for name, value in headers:
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError("field (%r, %r): want two str" % (name, value))
        fields.append((str(name), str(value)))
    return fields
