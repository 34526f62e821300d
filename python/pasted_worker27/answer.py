"""The answer to one request: PEP 3333's start_response, write and iterable."""

import marshal
import re

from pasted_worker.body import PIECE
from pasted_worker.frames import DATA, END, FLAG_END, FLAG_FAILED, HEAD, HEAD_OF_ANSWER, MAX_LANE

WHOLE = 64 * 1024  # an answer's first bytes, up to so many, go with its head

_plausible = re.compile(r"[0-9]{3}(?: |\Z)").match
_digits = re.compile(r"[0-9]+\Z").match


class ClientGone(EnvironmentError):
    """Nobody waits for the answer any more."""


class Answer(object):
    """The answer to one request, sent on the request's lane as it is made."""

    # _fields has no value before _head has one, and _left, the bytes until
    # Content-Length is reached or -1, none before write() has begun the answer.
    __slots__ = ("_lane", "_number", "_head", "_fields", "_left", "begun", "ended")

    def __init__(self, lane, number):
        self._lane = lane
        self._number = number
        self._head = None    # (status, fields) in marshal's format
        self.begun = False   # the head has been sent
        self.ended = False   # nothing more is sent

    def start_response(self, status, headers, exc_info=None):
        """Take the status and the fields, and return write (PEP 3333).

        Mistakes are raised here, in the application's own call, as far as they
        are of type and form; what HTTP allows in a field Pasted checks.
        """
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[0], exc_info[1], exc_info[2]
            finally:
                exc_info = None  # no cycle through the traceback's frames
        elif self._head is not None:
            raise AssertionError("start_response() called a second time without exc_info")
        self._fields, self._head = _prepare(status, headers)
        return self.write

    def write(self, data):
        """Send data, after the head if that has not been sent (PEP 3333)."""
        if type(data) is not str:
            data = _plain_bytes(data)
        if not data:
            return
        self._want_client()
        if self.ended:
            return  # beyond the Content-Length, or after the end of the request
        if not self.begun:
            if self._head is None:
                raise AssertionError("the application has not called start_response()")
            self._left = _content_length(self._fields)
        flags = 0
        if self._left >= 0:
            # Once all that the fields promise is there, the client need not
            # wait for what the application does afterwards.
            if len(data) >= self._left:
                data, flags, self.ended = data[:self._left], FLAG_END, True
            self._left -= len(data)
        if self.begun:
            self._send_data(data, flags)
        else:
            self._begin(data, flags)

    def send_whole(self, items):
        """Send the answer of an application that returned a list or a tuple."""
        data = b"".join([item if type(item) is str else _plain_bytes(item) for item in items])
        if self.begun:
            self.write(data)
            self.finish()
            return
        if self._head is None:
            raise AssertionError("the application has not called start_response()")
        self._want_client()
        self.ended = True
        self._begin(data, FLAG_END)

    def send_each(self, iterable):
        """Send what an iterable yields, each piece as it comes."""
        write = self.write
        for data in iterable:
            write(data)
        self.finish()

    def finish(self):
        """End an answer that is complete."""
        if self.ended:
            return
        if not self.begun:
            if self._head is None:
                raise AssertionError("the application has not called start_response()")
            self.ended = True
            self._begin(b"", FLAG_END)
            return
        self.ended = True
        self._lane.send(HEAD.pack(0, END, FLAG_END, self._lane.index, self._number))

    def fail(self):
        """End an answer that cannot be completed, if it has not ended."""
        if not self.ended:
            self.ended = True
            flags = FLAG_END | FLAG_FAILED
            self._lane.send(HEAD.pack(0, END, flags, self._lane.index, self._number))

    def _want_client(self):
        cancelled = self._lane.cancelled
        if cancelled and self._number in cancelled:
            raise ClientGone("the client has gone")

    def _begin(self, data, flags):
        """Send the head, and data with it or behind it."""
        self.begun = True
        lane, head, size = self._lane, self._head, len(data)
        if size <= WHOLE and len(head) <= WHOLE:
            lane.send(HEAD.pack(
                len(head) + size, HEAD_OF_ANSWER, flags, lane.index, self._number) + head + data)
        else:
            lane.send(HEAD.pack(len(head), HEAD_OF_ANSWER, 0, lane.index, self._number) + head)
            self._send_data(data, flags)

    def _send_data(self, data, flags):
        """Send data in Data frames."""
        lane, number = self._lane, self._number
        for start in range(0, len(data) or 1, PIECE):
            piece = data[start:start + PIECE]
            last = flags if start + PIECE >= len(data) else 0
            if start and lane.cancelled and number in lane.cancelled:
                self.ended = False  # whatever flags have promised
                raise ClientGone("the client has gone")
            lane.send(HEAD.pack(len(piece), DATA, last, lane.index, number) + piece)


def _prepare(status, headers):
    """Return the fields, and status and fields in marshal's format, or raise what is wrong."""
    status = _native(status, "status %r: want a str")
    if not _plausible(status):
        raise ValueError("status %r: want three digits, a space and a reason" % (status,))
    fields = []
    for field in headers:
        if not isinstance(field, (tuple, list)) or len(field) != 2:
            raise TypeError("field %r: want a tuple of a name and a value" % (field,))
        name, value = field
        fields.append((_native(name, "field's name %r: want a str"),
                       _native(value, "field's value %r: want a str")))
    # Version 0 has no references between strings, and so no state.
    head = marshal.dumps((status, fields), 0)
    if len(head) > MAX_LANE:
        raise ValueError("the answer's status and fields have %d bytes: want at most %d" % (
            len(head), MAX_LANE))
    return fields, head


def _native(text, wanted):
    """Return text as a str. Many an application has unicode here, which other servers take."""
    if type(text) is str:
        return text
    if isinstance(text, str):
        return str.__str__(text)
    if isinstance(text, unicode):
        return text.encode("latin-1")
    raise TypeError(wanted % (text,))


def _content_length(fields):
    """Return the Content-Length among fields, -1 if there is not one alone."""
    found = -1
    for name, value in fields:
        if len(name) == 14 and name.lower() == "content-length":
            if found >= 0 or not _digits(value):
                return -1  # which Pasted judges
            found = int(value)
    return found


def _plain_bytes(data):
    if isinstance(data, (str, buffer, bytearray)):
        return str(data)
    if isinstance(data, memoryview):
        return data.tobytes()
    if isinstance(data, unicode):
        return data.encode("ascii")  # which other servers take as well
    text = repr(data)
    if len(text) > 60:
        text = "%s... (%s)" % (text[:60], type(data).__name__)
    raise TypeError("the application's answer has %s: want a str" % text)
