"""The control connection: frames in and out, descriptors, questions."""

import array
import collections
import logging
import marshal
import os
import socket
import sys
import threading

from pasted_worker import greenlets
from pasted_worker.frames import (
    ANSWER, BOARD, CANCEL, EXPIRE, EXTEND, EXTENDED, FILES, FLAG_FAILED, FLAG_GONE, FORK, HEAD,
    IMPORTED, LANES, LOG, MAX_DESCRIPTORS, PING, PONG, RESOLVE)
from pasted_worker.log import shield

Frame = collections.namedtuple("Frame", "kind flags aux number payload descriptors")

# Another thread could start a program between the arrival of a descriptor and
# a call that keeps it from being inherited.
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def _room(frames):
    """Raise RecursionError now if so many calls would: in the middle of a frame it must not be."""
    if frames:
        _room(frames - 1)


class Control:
    """One process's control connection.

    Every thread may send and ask; one alone, the main thread, takes the frames
    that steer the process. A connection that ends takes the process with it at
    once: nobody could steer it any more.
    """

    def __init__(self, connection, first=None):
        self._socket = connection
        self._pid = os.getpid()
        self._writing = threading.Lock()
        # Whoever waits for a frame reads, if nobody else does, and hands the
        # others theirs: so no thread depends on what another one waits for.
        self._turn = threading.Condition()
        self._being_read = False
        self._steering = collections.deque([first] if first else ())
        self._answers = {}
        self._asked = 0
        # Called as cancelled(lane, number), by any thread, for a Cancel frame.
        self.cancelled = lambda lane, number: None
        # Called as expired(lane, number, gone), by any thread, for an Expire frame.
        self.expired = lambda lane, number, gone: None
        # Called by any thread for a Files frame; returns what Imported tells.
        self.imported = lambda: ()

    def close(self):
        """Close this process's end."""
        self._socket.close()

    def fileno(self):
        """Return the connection's descriptor."""
        return self._socket.fileno()

    def abandon(self):
        """Leave the connection to the process that this one was forked from.

        For a process that the application has forked: it is none of Pasted's,
        and what it logs goes to its standard error. Locks are made anew, for
        threads may have held them that the fork has not taken along.
        """
        connection, self._socket = self._socket, None  # which a greenlet may hold
        self._writing = threading.Lock()
        self._turn = threading.Condition()
        if connection is None:
            return
        if greenlets.used():
            greenlets.abandon(connection.fileno())
        else:
            connection.close()

    # Sending.

    def send(self, kind, value=None, number=0):
        """Send a frame whose payload is value in marshal's format, or none."""
        payload = b"" if value is None else marshal.dumps(value, 2)
        self._write(HEAD.pack(len(payload), kind, 0, 0, number) + payload)

    def tell(self, files):
        """Send the names of files that have been imported, if there are any."""
        if files:
            self.send(IMPORTED, files)

    def log(self, level, lines, number):
        """Send a Log frame for each of lines, which are bytes."""
        if self._socket is None:
            for line in lines:
                sys.stderr.write(line.decode("utf-8") + "\n")
            return
        level = min(max(level, 0), 0xFFFF)
        self._write(b"".join(
            HEAD.pack(len(line), LOG, 0, level, number) + line for line in lines))

    def extend(self, number, seconds):
        """Say that a request may take so many seconds from now on."""
        micros = min(max(int(seconds * 1e6), 0), (1 << 64) - 1)
        self._write(HEAD.pack(EXTENDED.size, EXTEND, 0, 0, number) + EXTENDED.pack(micros))

    def log_failed(self, record, number):
        """Send the Log frame of a traceback: method and target, then the lines."""
        if self._socket is None:
            sys.stderr.write(record.decode("utf-8", "replace") + "\n")
            return
        self._write(HEAD.pack(len(record), LOG, FLAG_FAILED, logging.ERROR, number) + record)

    def _write(self, frames):
        with shield(), self._writing:
            if self._socket is None:
                return
            try:
                self._socket.sendall(frames)
            except OSError:
                os._exit(0)

    # Receiving.

    def next(self):
        """Return the next frame that steers the process. For the main thread."""
        self._read_until(lambda: self._steering)
        return self._steering.popleft()

    def ask(self, value):
        """Send a Resolve frame with value and return the answer to it."""
        _room(16)
        if self._socket is None or os.getpid() != self._pid:
            raise RuntimeError("a process that the application has forked cannot load components")
        with shield():
            return self._ask(value)

    def _ask(self, value):
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
        elif frame.kind == EXPIRE:
            self.expired(frame.aux, frame.number, frame.flags & FLAG_GONE != 0)
        else:
            self._steering.append(frame)

    def _receive(self):
        head, descriptors = self._receive_head()
        size, kind, flags, aux, number = HEAD.unpack(head)
        payload = self._receive_exactly(size)
        if len(descriptors) != {FORK: 1, BOARD: 1, LANES: aux}.get(kind, 0):
            for descriptor in descriptors:
                greenlets.close(descriptor)
            descriptors = None  # the process has as many as it may have
        return Frame(kind, flags, aux, number, payload, descriptors)

    def _receive_head(self):
        """Return the bytes of a head, and the descriptors that came with them."""
        head, descriptors = b"", array.array("i")
        room = socket.CMSG_LEN(MAX_DESCRIPTORS * descriptors.itemsize)
        while len(head) < HEAD.size:
            try:
                piece, ancillary, _, _ = self._socket.recvmsg(
                    HEAD.size - len(head), room, _CLOSE_ON_EXEC)
            except OSError:
                piece, ancillary = b"", ()
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    descriptors.frombytes(data[:len(data) - len(data) % descriptors.itemsize])
            if not piece:
                os._exit(0)
            head += piece
        return head, list(descriptors)

    def _receive_exactly(self, size):
        data = bytearray(size)
        view = memoryview(data)
        while view:
            try:
                got = self._socket.recv_into(view)
            except OSError:
                got = 0
            if not got:
                os._exit(0)
            view = view[got:]
        return bytes(data)
