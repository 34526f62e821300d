"""Bodies: a request's that comes in pieces, and a file that is an answer's."""

import io
import os
import stat

FIRST = 64 * 1024   # bytes asked for at first
PIECE = 256 * 1024  # most bytes of a body in one frame


class BodyBroken(EnvironmentError):
    """The request's body breaks off: it is not whole, and no more of it will come."""


class RequestBody(io.RawIOBase):
    """A request's body that comes in pieces, each when it is asked for.

    ask(size) returns the next piece, of size bytes at most, whether it is the
    last, and whether the body breaks off there; None when the request has ended.
    A body that breaks off raises BodyBroken, from then on: what has come of it
    is never taken for the whole.
    """

    def __init__(self, ask):
        io.RawIOBase.__init__(self)
        self._ask = ask
        self._piece = b""
        self._at = 0  # how much of it has been read
        self._ended = self._broken = False
        self._size = FIRST

    def readable(self):
        return True

    def readinto(self, target):
        if self._at == len(self._piece):
            self._fetch()
        data = self._piece[self._at:self._at + len(target)]
        target[:len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self):
        pieces = [self._piece[self._at:]]
        while not self._ended:
            self._fetch()
            pieces.append(self._piece)
        self._piece, self._at = b"", 0
        return b"".join(pieces)

    def _fetch(self):
        if self._broken:
            raise BodyBroken("the request's body has not come whole: its client has gone, or what it sent is refused")
        self._piece, self._at = b"", 0
        if self._ended:
            return
        answer = self._ask(self._size)
        if answer is None:
            raise ValueError("wsgi.input is read after the end of its request")
        self._size = PIECE
        self._piece, self._ended, self._broken = answer
        if self._broken:
            self._fetch()


class FileWrapper(object):
    """wsgi.file_wrapper: an iterable over the blocks of a file-like object."""

    def __init__(self, filelike, blksize=64 * 1024):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def next(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def widen(self):
        """Take larger blocks if that delays none of them: if it is a regular file."""
        try:
            if stat.S_ISREG(os.fstat(self.filelike.fileno()).st_mode):
                self.blksize = max(self.blksize, PIECE)
        except (AttributeError, EnvironmentError, ValueError, TypeError):
            pass  # no real file
