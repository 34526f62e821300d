"""Bodies: a request's that comes in pieces, and a file that is an answer's."""

import io
import os
import stat

FIRST = 64 * 1024   # bytes asked for at first
PIECE = 256 * 1024  # most bytes of a body in one frame
LEAST = 64 * 1024   # bytes up to which a file is read here, and not handed over

_BUFFERED = io.BufferedReader, io.BufferedRandom


class BodyBroken(ConnectionResetError):
    """The request's body breaks off: it is not whole, and no more of it will come."""


class RequestBody(io.RawIOBase):
    """A request's body that comes in pieces, each when it is asked for.

    ask(size) returns the next piece, of size bytes at most, whether it is the
    last, and whether the body breaks off there; None when the request has ended.
    A body that breaks off raises BodyBroken, from then on: what has come of it
    is never taken for the whole.
    """

    def __init__(self, ask):
        super().__init__()
        self._ask = ask
        self._piece = memoryview(b"")
        self._ended = False
        self._broken = False
        self._size = FIRST

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self._piece:
            self._fetch()
        size = min(len(buffer), len(self._piece))
        buffer[:size] = self._piece[:size]
        self._piece = self._piece[size:]
        return size

    def readall(self):
        pieces = []
        while True:
            if not self._piece:
                self._fetch()
            if not self._piece:
                return b"".join(pieces)
            pieces.append(self._piece)
            self._piece = memoryview(b"")

    def _fetch(self):
        if self._broken:
            raise BodyBroken("the request's body has not come whole: its client has gone, or what it sent is refused")
        if self._ended:
            return
        answer = self._ask(self._size)
        if answer is None:
            raise ValueError("wsgi.input is read after the end of its request")
        self._size = PIECE
        self._piece, self._ended, self._broken = memoryview(answer[0]), answer[1], answer[2]
        if self._broken:
            self._fetch()


class FileWrapper:
    """wsgi.file_wrapper: an iterable over the blocks of a file-like object."""

    def __init__(self, filelike, blksize=64 * 1024):
        self.filelike = filelike
        self.blksize = blksize
        self.small = False  # part() has found a file too small to hand over
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def part(self):
        """Return descriptor, offset and length of what is left to read, or None.

        It is None where the descriptor may have other bytes than the object
        gives, as that of a compressed file, where the file is no regular one,
        and where so little is left that it is sooner read than handed over.
        """
        file = self.filelike
        if type(file).__module__ == "tempfile":
            file = getattr(file, "file", None)  # a file that is removed when it is closed
        kind = type(file)
        if kind is not io.FileIO and not (kind in _BUFFERED and type(file.raw) is io.FileIO):
            return None
        try:
            if kind is io.BufferedRandom:
                file.flush()
            descriptor, offset = file.fileno(), file.tell()
            status = os.fstat(descriptor)
            length = status.st_size - offset
            if stat.S_ISREG(status.st_mode) and file.readable():
                if length > LEAST:
                    return descriptor, offset, length
                self.small = True
        except (OSError, ValueError):
            pass  # closed, say: reading it tells
        return None

    def widen(self):
        """Take larger blocks if that delays none of them: if it is a regular file."""
        try:
            if stat.S_ISREG(os.fstat(self.filelike.fileno()).st_mode):
                self.blksize = max(self.blksize, PIECE)
        except (AttributeError, OSError, ValueError, TypeError):
            pass  # no real file
