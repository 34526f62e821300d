"""python3 waitress_suite.py PASTED FOLDER: run waitress's functional tests.

Their classes run as they are, but for what starts a server: that is PASTED, with
egg:waitress#main in its file and the options that the class gives. A class's
server serves all of its tests. Prints a JSON object for each test.

What would hide what a test is about is put aside first:
- requests of HTTP/1.1 without a Host get one (RFC 9112, 3.2, wants it);
- an answer's version may be HTTP/1.1 whatever the request's (RFC 9110, 6.2);
- a chunked answer is read to its last chunk, not until the connection ends;
- X-Content-Type-Options, which our refusals have, is overlooked.
"""
import json
import socket
import sys
import unittest

from server import Server

# How long a test may wait for an answer: only one that fails waits so long.
ANSWER_LIMIT = 10


def written(value):
    """A value of Python as waitress reads it from a file."""
    if isinstance(value, (set, frozenset)):
        return " ".join(sorted(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


class Servers:
    """The server of the application and options that were asked for last."""

    def __init__(self, pasted, folder):
        self.pasted, self.folder = pasted, folder
        self.wanted = self.server = None

    def get(self, app, options):
        wanted = (app.__module__, app.__name__, tuple(sorted(options.items(), key=str)))
        if wanted != self.wanted:
            self.stop()
            settings = {"module": app.__module__, "object": app.__name__}
            options = dict({"ident": "waitress"}, **{name: written(value) for name, value in options.items()})
            self.server = Server(self.pasted, "fixture:make", settings, [self.folder], use="egg:waitress#main", options=options)
            self.wanted = wanted
        return self.server

    def stop(self):
        if self.server is not None:
            self.server.stop()
        self.wanted = self.server = None


class Socket(socket.socket):
    """Puts a Host into requests that lack it."""

    def send(self, data, *flags):
        line, end, rest = data.partition(b"\r\n")
        if line.endswith(b" HTTP/1.1") and b"\nhost:" not in data.lower():
            super().sendall(line + end + b"Host: localhost\r\n" + rest)
            return len(data)
        return super().send(data, *flags)


class Stream:
    """A file of a connection. Read without a size, it gives the rest of the
    answer: of a chunked one as it was sent, to its end."""

    def __init__(self, file):
        self.file, self.chunked = file, False

    def readline(self):
        line = self.file.readline()
        if line.lower().startswith(b"transfer-encoding:"):
            self.chunked = True
        return line

    def close(self):
        self.file.close()

    def read(self, size=None):
        if size is not None or not self.chunked:
            return self.file.read(-1 if size is None else size)
        body, last = b"", False
        while not last:
            head = self.file.readline()
            last, left = not head or head.strip() == b"0", int(head.strip() or b"0", 16) + 2
            body += head
            while left > 0:
                piece = self.file.read(left)
                if not piece:
                    return body
                body, left = body + piece, left - len(piece)
        return body


class Result(unittest.TestResult):
    """Says what became of each test."""

    def say(self, test, why=""):
        print(json.dumps({"case": ".".join(test.id().split(".")[-2:]), "passed": not why, "why": why}), flush=True)

    def addSuccess(self, test):
        self.say(test)

    def addError(self, test, err):
        self.say(test, "%s: %s" % (err[0].__name__, err[1]))

    addFailure = addError

    def addSkip(self, test, reason):
        self.say(test, "skipped: " + reason)


def order(test):
    """Both classes of an application, over TCP and over Unix sockets, one after
    the other: they share a server."""
    name = type(test).__name__
    for prefix in ("Tcp", "Unix"):
        if name.startswith(prefix):
            name = name[len(prefix):]
    return (name, test.id())


def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flat(test)
        else:
            yield test


def main(pasted, folder):
    sys.path[:0] = [folder, folder + "/src"]
    from tests import test_functional as theirs
    servers = Servers(pasted, folder)

    def start_subprocess(test, target, **options):
        server = servers.get(target, options)
        test.bound_to = server.unix if test.server.family == socket.AF_UNIX else server.address
        test.sock = test.create_socket()

    def assertline(test, line, status, reason, version):
        test.assertEqual(line.rstrip(), ("HTTP/1.1 %s %s" % (status, reason)).encode())

    read_http = theirs.read_http

    def read(stream):
        line, fields, body = read_http(Stream(stream))
        fields.pop("x-content-type-options", None)
        return line, fields, body

    theirs.read_http = read
    theirs.SubprocessTests.assertline = assertline
    theirs.SubprocessTests.create_socket = lambda test: Socket(test.server.family, socket.SOCK_STREAM)
    theirs.SubprocessTests.start_subprocess = start_subprocess
    theirs.SubprocessTests.stop_subprocess = lambda test: test.sock.close()
    theirs.UnixTests.stop_subprocess = lambda test: test.sock.close()
    socket.setdefaulttimeout(ANSWER_LIMIT)
    try:
        tests = sorted(flat(unittest.defaultTestLoader.loadTestsFromModule(theirs)), key=order)
        unittest.TestSuite(tests).run(Result())
    finally:
        servers.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
