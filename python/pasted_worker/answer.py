"""The answer to one request: PEP 3333's start_response, write and iterable."""

import itertools
import marshal
import re

from pasted_worker.body import PIECE
from pasted_worker.frames import (
    DATA, END, FILE, FLAG_END, FLAG_FAILED, HEAD, HEAD_OF_ANSWER, INFORM, MAX_LANE, PART, PLACES,
    SHARED)

WHOLE = 64 * 1024  # an answer's first bytes, up to so many, go with its head
JOINED = 4 * 1024  # bytes of a piece up to which copying it costs less than sending two buffers
KEPT = 4 * 1024    # bytes of a prepared head that is kept for the next answer

# What Lane.prepared is at first: no status is equal to this one.
NOT_PREPARED = (object(), None, b"")

_plausible = re.compile(r"[2-9][0-9]{2}(?: |\Z)").match
_control = re.compile("[\0-\x08\x0a-\x1f\x7f]").search
_token = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match

# Fields about the connection, which is the server's (RFC 2616, 13.5.1, that
# PEP 3333 refers to, and RFC 9110, 7.6.1), and how long their names are.
_HOP_BY_HOP = frozenset("""
    connection keep-alive proxy-authenticate proxy-authorization proxy-connection
    te trailer trailers transfer-encoding upgrade
""".split())
_HOP_LENGTHS = frozenset(map(len, _HOP_BY_HOP))

_pack = HEAD.pack
_dumps = marshal.dumps


class ClientGone(ConnectionAbortedError):
    """Nobody waits for the answer any more."""


class Answer:
    """The answer to one request, sent on the request's lane as it is made."""

    # _fields has no value before _head has one, and _left, the bytes until
    # Content-Length is reached or -1, none before write() has begun the answer.
    __slots__ = ("_lane", "_number", "_head", "_fields", "_left", "_beyond", "begun", "ended")

    def __init__(self, lane, number):
        self._lane = lane
        self._number = number
        self._beyond = False  # there was something to send after the end
        self._head = None    # (status, fields) in marshal's format
        self.begun = False   # the head has been sent
        self.ended = False   # nothing more is sent

    def start_response(self, status, headers, exc_info=None):
        """Take the status and the fields, and return write (PEP 3333).

        Mistakes are raised here, in the application's own call. Pasted, which
        trusts nobody, looks again.
        """
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through the traceback's frames
        elif self._head is not None:
            raise AssertionError("start_response() called a second time without exc_info")
        lane = self._lane
        prepared_status, fields, head = lane.prepared
        # What the lane's answer before this one had needs no second look.
        if status != prepared_status or headers != fields:
            status, fields, head = _prepare(status, headers)
            if len(head) <= KEPT:
                lane.prepared = status, fields, head
        self._head, self._fields = head, fields
        return self.write

    def inform(self, headers):
        """Send the fields ahead of the answer, as 103 (Early Hints, RFC 8297).

        It is wsgi.early_hints. It does nothing once the answer has begun.
        """
        _, _, payload = _prepare(_EARLY_HINTS, headers)
        lane = self._lane
        if self.begun or self.ended or lane.cancelled and self._number in lane.cancelled:
            return
        inside = lane.inside
        was, inside[0] = inside[0], 0  # as in write()
        lane.send(_pack(len(payload), INFORM, 0, lane.index, self._number) + payload)
        inside[0] = was
        if lane.overdue:
            lane.stop_if_overdue(self._number)

    def show(self, page):
        """Answer with a page of HTML, in the place of what has not begun."""
        body = page.encode("utf-8", "backslashreplace")
        self._head = _dumps(("500 Internal Server Error", _PAGE), 2)
        self._fields, self._left, self.ended = _PAGE, -1, True
        self._begin(body, FLAG_END)

    def write(self, data):
        """Send data, after the head if that has not been sent (PEP 3333)."""
        if type(data) is not bytes:
            data = _plain_bytes(data)
        if not data:
            return
        lane = self._lane
        if lane.cancelled and self._number in lane.cancelled:
            raise ClientGone("the client has gone")
        if self.ended:
            self._beyond = True  # of the Content-Length, or of the request
            return
        if not self.begun:
            if self._head is None:
                raise AssertionError("the application has not called start_response()")
            self._left = _content_length(self._fields)
        inside = lane.inside
        was, inside[0] = inside[0], 0  # nothing is raised from outside until it is back
        flags = 0
        if self._left >= 0:
            # Once all that the fields promise is there, the client need not
            # wait for what the application does afterwards.
            if len(data) >= self._left:
                data, flags, self.ended = data[:self._left], FLAG_END, True
            self._left -= len(data)
        if not self.begun:
            self._begin(data, flags)
        else:
            self._send_piece(data, flags)
        inside[0] = was
        if lane.overdue:
            lane.stop_if_overdue(self._number)

    def send_whole(self, items):
        """Send the answer of an application that returned a list or a tuple."""
        if len(items) == 1 and type(items[0]) is bytes:
            data = items[0]
        else:
            data = b"".join([item if type(item) is bytes else _plain_bytes(item) for item in items])
        if self.begun:
            if data:
                self.write(data)
            self.finish()
            return
        if self._head is None:
            raise AssertionError("the application has not called start_response()")
        lane = self._lane
        if lane.cancelled and self._number in lane.cancelled:
            raise ClientGone("the client has gone")
        self.ended = True
        self._begin(data, FLAG_END)

    def send_each(self, iterable):
        """Send what an iterable yields, each piece as it comes. It may do
        something after its last piece; one that goes on with pieces beyond the
        Content-Length, perhaps without end, is not asked for more (PEP 3333,
        Handling the Content-Length Header)."""
        write, lane = self.write, self._lane
        inside, number, ring = lane.inside, self._number, lane.ring
        for data in iterable:
            # This is what write() does with a piece of a stream.
            if type(data) is bytes and data and self.begun and self._left < 0 and not lane.cancelled:
                inside[0] = 0
                if not ring.add(data, number):
                    self._send_behind(data, 0)
                elif ring.asked:
                    self._tell()
                inside[0] = number
                if lane.overdue:
                    lane.stop_if_overdue(number)
                continue
            write(data)
            if self._beyond:
                break
        self.finish()

    def send_file(self, wrapper):
        """Hand a file over, which Pasted then sends, or send a small one as a
        whole; return whether that could be done."""
        part, head = None, self._head
        if not self.begun and head is not None and len(head) <= WHOLE:
            part = wrapper.part()
        lane = self._lane
        if part is None:
            if wrapper.small:
                data = wrapper.filelike.read()
                lane.inside[0] = 0
                self.send_whole([data])
            return wrapper.small
        if lane.cancelled and self._number in lane.cancelled:
            raise ClientGone("the client has gone")
        descriptor, offset, length = part
        frame = _pack(PART.size + len(head), FILE, FLAG_END, lane.index, self._number)
        if not lane.send_descriptor(frame + PART.pack(offset, length) + head, descriptor):
            return False
        self.begun = self.ended = True
        return True

    def finish(self):
        """End an answer that is complete."""
        self._lane.inside[0] = 0
        if self.ended:
            return
        if not self.begun:
            if self._head is None:
                raise AssertionError("the application has not called start_response()")
            self.ended = True
            self._begin(b"", FLAG_END)
            return
        self.ended = True
        self._lane.send(self._end_run(FLAG_END) or _pack(0, END, FLAG_END, self._lane.index, self._number))

    def fail(self):
        """End an answer that cannot be completed, if it has not ended."""
        if not self.ended:
            self.ended = True
            flags = FLAG_END | FLAG_FAILED
            self._lane.send(self._end_run() + _pack(0, END, flags, self._lane.index, self._number))

    def _begin(self, data, flags):
        """Send the head, and data with it or behind it."""
        self.begun = True
        lane, head, size = self._lane, self._head, len(data)
        if size <= WHOLE and len(head) <= WHOLE:
            lane.send(_pack(
                len(head) + size, HEAD_OF_ANSWER, flags, lane.index, self._number) + head + data)
        else:
            self._send_data(data, flags, _pack(
                len(head), HEAD_OF_ANSWER, 0, lane.index, self._number) + head)

    def _send_piece(self, data, flags):
        """Send data behind what has been sent."""
        ring = self._lane.ring
        if not ring.add(data, self._number):
            self._send_behind(data, flags)
        elif flags:
            self._lane.send(self._end_run(flags))
        elif ring.asked:
            self._tell()

    def _send_behind(self, data, flags):
        """Send data behind what is in the ring, with no other thread's between."""
        with self._lane.turn:
            self._send_data(data, flags, self._end_run())

    def _tell(self):
        """Tell of what has been put in the ring."""
        frame = self._shared(0, self._lane.ring.told(self._number))
        if frame:
            self._lane.send(frame)

    def _end_run(self, flags=0):
        """Return the frame that ends what has been put in the ring, if anything has been."""
        return self._shared(flags, self._lane.ring.end(self._number))

    def _shared(self, flags, places):
        """Return a Shared frame with these places, or nothing where there are none."""
        return places and _pack(PLACES.size, SHARED, flags, self._lane.index, self._number) + places

    def _send_data(self, data, flags, before=b""):
        """Send data after the frames before, in the ring if that has room, or in Data frames."""
        lane, number, size = self._lane, self._number, len(data)
        ring = lane.ring
        if ring.begin(data, number):
            lane.send(before + self._shared(flags, ring.end(number) if flags else ring.told(number)))
            return
        if size <= JOINED:
            lane.send(before + _pack(size, DATA, flags, lane.index, number) + data)
            return
        if size <= PIECE:
            lane.send_both(before + _pack(size, DATA, flags, lane.index, number), data)
            return
        view = memoryview(data)
        while True:
            piece, view = view[:PIECE], view[PIECE:]
            last = 0 if view else flags
            lane.send_both(before + _pack(len(piece), DATA, last, lane.index, number), piece)
            if not view:
                return
            if lane.cancelled and number in lane.cancelled:
                self.ended = False  # whatever flags have promised
                raise ClientGone("the client has gone")
            before = b""


# Told from an application's by being this very object. It is no literal: Pythons
# without the lock have one object for all literals of a text.
_EARLY_HINTS = " ".join(("103", "Early Hints"))

# Fields of a page that says what the application has raised.
_PAGE = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
]


def _prepare(status, headers):
    """Return status, the fields and both in marshal's format, or raise what is wrong.

    The list of fields is a new one.
    """
    if type(status) is not str:
        status = _plain_status(status)
    if not _plausible(status) and status is not _EARLY_HINTS:
        raise ValueError("status %r: want three digits, from 200 on, a space and a reason" % (status,))
    fields = list(headers)
    for field in fields:
        if type(field) is tuple and len(field) == 2:
            name, value = field
            if type(name) is str and type(value) is str:
                continue
        fields = _plain_fields(fields)
        break
    text = status + "".join(itertools.chain.from_iterable(fields))
    if not text.isprintable() or max(text) > "\xff":
        _look_closely(status, fields)
    for name, _ in fields:
        if len(name) in _HOP_LENGTHS and name.lower() in _HOP_BY_HOP:
            raise ValueError(
                "field %r: it is about the connection, which is the server's: want it left out "
                "(PEP 3333, Other HTTP Features)" % (name,))
    head = _dumps((status, fields), 2)
    if len(head) > MAX_LANE:
        raise ValueError("the answer's status and fields have %d bytes: want at most %d" % (
            len(head), MAX_LANE))
    return status, fields, head


def _look_closely(status, fields):
    """Raise what is wrong with a character of these, if anything is."""
    for what, text in itertools.chain([("status", status)], fields):
        if _control(text) or max(text, default="") > "\xff":
            raise ValueError("%s %r: want no control characters, and none above U+00FF" % (
                what if text is status else "field %r" % (what,), text))
    for name, _ in fields:
        if not _token(name):
            raise ValueError("field %r: want a name of letters, digits and hyphens" % (name,))


def _content_length(fields):
    """Return the Content-Length among fields, -1 if there is not one alone."""
    found = -1
    for name, value in fields:
        if len(name) == 14 and name.lower() == "content-length":
            if found >= 0 or not value.isdecimal():
                return -1  # which Pasted judges
            found = int(value)
    return found


def _plain_status(status):
    if not isinstance(status, str):
        raise TypeError("status %r: want a str" % (status,))
    return str.__str__(status)


def _plain_fields(headers):
    """Return headers as a list of tuples of str, or raise what is wrong."""
    fields = []
    for field in headers:
        if not isinstance(field, (tuple, list)) or len(field) != 2:
            raise TypeError("field %r: want a tuple of a name and a value" % (field,))
        for text in field:
            if not isinstance(text, str):
                raise TypeError("field %r: want its name and its value to be str" % (field,))
        fields.append((str.__str__(field[0]), str.__str__(field[1])))
    return fields


def _plain_bytes(data):
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    raise TypeError("the application's answer has %s: want bytes" % _shortened(data))


def _shortened(data):
    text = repr(data)
    return text if len(text) <= 60 else "%s... (%s)" % (text[:60], type(data).__name__)
