"""The control connection: frames in and out, descriptors, questions."""

import array
import marshal
import os
import socket
import struct
import threading

HEAD = struct.Struct("<IBBHQ")

MODULES, LOAD, FORK, LANES, SERVE, ANSWER, CANCEL, PING, DRAIN = range(1, 10)
HELLO, LOADED, FAILED, RESOLVE, READY, LOG, PONG = range(0x20, 0x27)

MAX_DESCRIPTORS = 64


class Control:
    """One process's control connection.

    The thread that made it reads; every thread may send. A connection that
    ends takes the process with it: nobody could steer it any more.
    """

    def __init__(self, connection):
        self._socket = connection
        self._reader = threading.get_ident()
        self._send_lock = threading.Lock()
        self._descriptors = []
        self._questions = {}
        self._asked = 0
        self._handlers = {}

    def close(self):
        self._socket.close()

    # Sending.

    def send(self, kind, value=None, number=0, aux=0):
        """Send a frame whose payload is value in marshal's format."""
        self.send_raw(kind, b"" if value is None else marshal.dumps(value, 2), number, aux)

    def send_raw(self, kind, payload, number=0, aux=0):
        frame = HEAD.pack(len(payload), kind, 0, aux, number) + payload
        with self._send_lock:
            try:
                self._socket.sendall(frame)
            except OSError:
                os._exit(0)

    # Receiving.

    def receive(self):
        """Return the next frame as (kind, aux, number, payload)."""
        size, kind, _, aux, number = HEAD.unpack(self._read_head())
        return kind, aux, number, self._read(size)

    def descriptors(self, count):
        """Return the count descriptors that came with the last frame."""
        taken, self._descriptors[:count] = self._descriptors[:count], []
        if len(taken) != count:
            raise RuntimeError("%d descriptors came where %d were announced" % (len(taken), count))
        return taken

    def _read_head(self):
        data = b""
        room = socket.CMSG_LEN(MAX_DESCRIPTORS * array.array("i").itemsize)
        while len(data) < HEAD.size:
            try:
                piece, ancillary, _, _ = self._socket.recvmsg(HEAD.size - len(data), room)
            except OSError:
                os._exit(0)
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds = array.array("i")
                    fds.frombytes(content[:len(content) - len(content) % fds.itemsize])
                    for fd in fds:
                        os.set_inheritable(fd, False)
                    self._descriptors.extend(fds)
            if not piece:
                os._exit(0)
            data += piece
        return data

    def _read(self, size):
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

    # Dispatch.

    def on(self, kind, handler):
        """Have handler(aux, number, payload) called for frames of kind."""
        self._handlers[kind] = handler

    def step(self):
        """Receive one frame and handle it; return its kind."""
        kind, aux, number, payload = self.receive()
        if kind == ANSWER:
            self._questions.pop(number).answer(marshal.loads(payload))
        elif kind == PING:
            self.send_raw(PONG, b"", number)
        elif kind in self._handlers:
            self._handlers[kind](aux, number, payload)
        return kind

    # Questions.

    def ask(self, value):
        """Send a Resolve frame and return the answer, from any thread."""
        question = _Question()
        with self._send_lock:
            self._asked += 1
            number = self._asked
            self._questions[number] = question
        self.send(RESOLVE, value, number)
        if threading.get_ident() == self._reader:
            while not question.answered():
                self.step()
        return question.wait()


class _Question:
    def __init__(self):
        self._event = threading.Event()
        self._value = None

    def answer(self, value):
        self._value = value
        self._event.set()

    def answered(self):
        return self._event.is_set()

    def wait(self):
        self._event.wait()
        return self._value
