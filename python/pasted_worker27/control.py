"""The control connection: frames in and out, descriptors, questions."""

import collections
import marshal
import os
import sys
import threading

from pasted_worker import descriptors
from pasted_worker.frames import (
    ANSWER, CANCEL, FILES, FORK, HEAD, IMPORTED, LANES, LOG, MAX_DESCRIPTORS, PING, PONG, RESOLVE,
    STEERING)
from pasted_worker.text import plain

Frame = collections.namedtuple("Frame", "kind aux number payload descriptors")


class Control(object):
    """One process's control connection.

    Every thread may send and ask; one alone, the main thread, takes the frames
    that steer the process. A connection that ends takes the process with it at
    once: nobody could steer it any more.
    """

    def __init__(self, descriptor):
        descriptors.close_on_exec(descriptor)
        self._descriptor = descriptor
        self._pid = os.getpid()
        self._writing = threading.Lock()
        # Whoever waits for a frame reads, if nobody else does, and hands the
        # others theirs: so no thread depends on what another one waits for.
        self._turn = threading.Condition()
        self._being_read = False
        self._steering = collections.deque()
        self._answers = {}
        self._asked = 0
        # Called as cancelled(lane, number), by any thread, for a Cancel frame.
        self.cancelled = lambda lane, number: None
        # Called by any thread for a Files frame; returns what Imported tells.
        self.imported = lambda: ()

    def close(self):
        """Close this process's end."""
        os.close(self._descriptor)
        self._descriptor = None

    def abandon(self):
        """Leave the connection to the process that this one was forked from.

        For a process that the application has forked: it is none of Pasted's,
        and what it logs goes to its standard error. Locks are made anew, for
        threads may have held them that the fork has not taken along.
        """
        self._writing = threading.Lock()
        self._turn = threading.Condition()
        if self._descriptor is not None:
            self.close()

    # Sending.

    def send(self, kind, value=None, number=0):
        """Send a frame whose payload is value in marshal's format, or none."""
        payload = b"" if value is None else marshal.dumps(plain(value), 0)
        self._write(HEAD.pack(len(payload), kind, 0, 0, number) + payload)

    def tell(self, files):
        """Send the names of files that have been imported, if there are any."""
        if files:
            self.send(IMPORTED, files)

    def log(self, level, lines, number):
        """Send a Log frame for each of lines, which are UTF-8."""
        if self._descriptor is None:
            for line in lines:
                sys.stderr.write(line + "\n")
            return
        level = min(max(level, 0), 0xFFFF)
        self._write(b"".join([
            HEAD.pack(len(line), LOG, 0, level, number) + line for line in lines]))

    def _write(self, frames):
        with self._writing:
            if self._descriptor is None:
                return
            try:
                descriptors.write(self._descriptor, frames)
            except OSError:
                os._exit(0)

    # Receiving.

    def next(self):
        """Return the next frame that steers the process. For the main thread."""
        self._read_until(lambda: self._steering)
        return self._steering.popleft()

    def ask(self, value):
        """Send a Resolve frame with value and return the answer to it."""
        if self._descriptor is None or os.getpid() != self._pid:
            raise RuntimeError("a process that the application has forked cannot load components")
        with self._turn:
            self._asked += 1
            number = self._asked
        self.send(RESOLVE, value, number)
        self._read_until(lambda: number in self._answers)
        return self._answers.pop(number)

    def _read_until(self, done):
        """Return when done() is true; read while it is not and nobody else does."""
        turn = self._turn
        with turn:
            while not done():
                if self._being_read:
                    turn.wait()
                    continue
                self._being_read = True
                turn.release()
                try:
                    frame = self._receive()
                finally:
                    turn.acquire()
                    self._being_read = False
                    turn.notify_all()
                self._sort(frame)

    def _sort(self, frame):
        if frame.kind == ANSWER:
            self._answers[frame.number] = marshal.loads(frame.payload)
        elif frame.kind == PING:
            self.send(PONG, None, frame.number)
        elif frame.kind == FILES:
            self.tell(self.imported())
        elif frame.kind == CANCEL:
            self.cancelled(frame.aux, frame.number)
        elif frame.kind in STEERING:
            self._steering.append(frame)
        # What else there is is for Python 3 alone.

    def _receive(self):
        head, found = self._receive_head()
        size, kind, _, aux, number = HEAD.unpack(head)
        payload = self._receive_exactly(size)
        if len(found) != {FORK: 1, LANES: aux}.get(kind, 0):
            for descriptor in found:
                os.close(descriptor)
            found = None  # the process has as many as it may have
        return Frame(kind, aux, number, payload, found)

    def _receive_head(self):
        """Return the bytes of a head, and the descriptors that came with them."""
        head, found = b"", []
        while len(head) < HEAD.size:
            try:
                piece, more = descriptors.receive(
                    self._descriptor, HEAD.size - len(head), MAX_DESCRIPTORS)
            except OSError:
                piece, more = b"", []
            found += more
            if not piece:
                os._exit(0)
            head += piece
        return head, found

    def _receive_exactly(self, size):
        pieces = []
        while size:
            try:
                piece = descriptors.read(self._descriptor, min(size, 1 << 20))
            except OSError:
                piece = b""
            if not piece:
                os._exit(0)
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)
