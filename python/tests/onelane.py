"""A lane in this process, for tests of what becomes of one request and its answer."""

import marshal
import threading

import pasted
from pasted_worker import frames
from pasted_worker.lane import Lane

PLAIN = [("Content-Type", "text/plain")]


class Log:
    """Keeps what the lane logs."""

    def __init__(self):
        self.lines = []

    def write(self, level, text, number=0):
        self.lines += [(level, line, number) for line in text.split("\n")]

    def failed(self, traceback, request_line, number):
        self.requests = getattr(self, "requests", []) + [request_line]
        self.write(40, traceback.rstrip("\n"), number)

    def join(self, stream, text):
        stream.rest += text
        if stream.ended or stream.rest.endswith("\n"):
            self.write(30, stream.rest.rstrip("\n"), stream.number)
            stream.rest = ""


class Bench:
    """A lane in a thread of this process, and Pasted's end of it."""

    def __init__(self, *applications):
        self.connection = pasted.Connection()
        self.log = Log()
        self.lane = Lane(3, self.connection.theirs.detach(), applications, self.log)
        self.thread = threading.Thread(target=self.lane.run)
        self.thread.start()
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.socket.close()
        self.thread.join(pasted.PATIENCE)

    def request(self, path="/", body=b"", flags=0, root=0, **environ):
        self.number += 1
        self.connection.say(
            frames.REQUEST, pasted.make_environ(path, None if flags else body, **environ),
            number=self.number, aux=root, flags=flags)
        return self.number

    def frames(self):
        """Return the frames of an answer."""
        seen = []
        while not seen or not seen[-1].flags & frames.FLAG_END:
            frame = self.connection.next()
            if frame is None:
                raise EOFError("the lane has ended; log: %r" % self.log.lines)
            seen.append(frame)
        return seen

    def kinds(self, **request):
        """Return the answer's frames as (kind, flags, size of its bytes of the body)."""
        self.request(**request)
        return [shown(frame) for frame in self.frames()]


def shown(frame):
    size = len(frame.payload)
    if frame.kind == frames.HEAD_OF_ANSWER:
        size -= len(marshal.dumps(marshal.loads(frame.payload), 2))
    name = {0x60: "head", 0x61: "data", 0x62: "end", 0x63: "want"}[frame.kind]
    flags = {0: "", 1: "end", 3: "failed"}[frame.flags]
    return (name, flags, size)


def answering(result, status="200 OK", fields=PLAIN):
    def app(environ, start_response):
        start_response(status, list(fields))
        return result
    return app


def kinds(application, **request):
    with Bench(application) as bench:
        return bench.kinds(**request)


HEAD_END = ("head", "end", 0)
FAILED = ("end", "failed", 0)
K = 1024


def length(n):
    return PLAIN + [("Content-Length", str(n))]


def generated(*pieces):
    def app(environ, start_response):
        start_response("200 OK", list(PLAIN))
        for piece in pieces:
            yield piece
    return app


def lazily(environ, start_response):
    yield b""
    start_response("200 OK", list(PLAIN))
    yield b""
    yield b"late"


def written(*pieces, **more):
    def app(environ, start_response):
        write = start_response("200 OK", more.get("fields", list(PLAIN)))
        for piece in pieces:
            write(piece)
        return more.get("then", [])
    return app
