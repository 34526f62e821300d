"""Applications for cases.txt: what NGINX Unit's and mod_wsgi's tests are about."""
import io
import sys


def plain(start_response, body, *fields, status="200 OK"):
    start_response(status, [("Content-Type", "text/plain")] + list(fields))
    return [body if isinstance(body, bytes) else body.encode("latin-1")]


def variables(environ, start_response):
    names = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "HTTP_CUSTOM_HEADER", "CONTENT_TYPE",
             "CONTENT_LENGTH", "wsgi.version", "wsgi.url_scheme", "wsgi.multithread", "wsgi.run_once")
    return plain(start_response, "".join("%s=%s;" % (name, environ.get(name, "none")) for name in names))


def lines(environ, start_response):
    """Each line of the body, by the manner of the query, with | between."""
    read = environ["wsgi.input"]
    got = {
        "iter": lambda: list(read),
        "readline": lambda: list(iter(read.readline, b"")),
        "readline9": lambda: list(iter(lambda: read.readline(9), b"")),
        "readlines": read.readlines,
        "readlines-hint": lambda: read.readlines(1),
        "read": lambda: [read.read()],
        "read-all": lambda: [read.read(-1)],
        "read5": lambda: [read.read(5), read.read()],
        "read7": lambda: list(iter(lambda: read.read(7), b"")),
        "read0": lambda: [read.read(0), read.read()],
        "read-more": lambda: [read.read(1000), read.read()],
    }[environ["QUERY_STRING"]]()
    return plain(start_response, b"|".join(got))


def write(environ, start_response):
    put = start_response("200 OK", [("Content-Length", "10")])
    put(b"012")
    put(b"345")
    return [b"67", b"89"]


def generator(environ, start_response):
    start_response("200 OK", [])
    yield b"one-"
    yield b""
    yield b"two"


def empty_generator(environ, start_response):
    start_response("200 OK", [])
    return iter(())


def bytes_io(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    return io.BytesIO(b"0123456789")


def long_body(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return iter([b"this-", b"is-too-long"])


class Closed:
    """Says in the log that it was closed, and may raise there."""

    def __init__(self, environ, start_response):
        self.environ, self.start = environ, start_response

    def __iter__(self):
        if self.environ["QUERY_STRING"] == "raise":
            raise RuntimeError("raised first")
        self.start("200 OK", [])
        yield b"closed"

    def close(self):
        self.environ["wsgi.errors"].write("Close called.\n")
        if self.environ["QUERY_STRING"] == "close-raises":
            raise RuntimeError("raised in close")


def replaced(environ, start_response):
    """A head that is replaced before it is sent."""
    start_response("200 OK", [("X-Before", "first")])
    try:
        raise KeyError
    except KeyError:
        start_response("418 Teapot", [("X-After", "second")], sys.exc_info())
    return [b"second-wins"]


def replaced_late(environ, start_response):
    put = start_response("200 OK", [])
    put(b"sent-")
    try:
        raise KeyError("late")
    except KeyError:
        try:
            start_response("500 Late", [], sys.exc_info())
        except KeyError as error:
            put(b"reraised:" + error.args[0].encode())
    return []


BAD_STATUS = {"no-digits": "OK", "mixed": "20X OK", "four-digits": "2000 OK", "no-space": "200OK", "control": "200 OK\r\nX-Injected: yes"}
BAD_FIELDS = {
    "empty-name": [("", "x")], "space-name": [("X Foo", "x")], "control-name": [("X\tFoo", "x")], "cr-value": [("X", "a\r\nb")],
    "lf-value": [("X", "a\nb")], "int-name": [(1, "x")], "beyond-latin-1": [("X", "\u20ac")], "no-tuple": ["X: y"],
    "three": [("X", "y", "z")], "length": [("Content-Length", "many")],
}


def bad_status(environ, start_response):
    return plain(start_response, b"taken", status=BAD_STATUS[environ["QUERY_STRING"]])


def bad_fields(environ, start_response):
    return plain(start_response, b"taken", *BAD_FIELDS[environ["QUERY_STRING"]])


def repeated(environ, start_response):
    return plain(start_response, b"", ("X-R", "first"), ("X-R", "second"))


def text(environ, start_response):
    start_response("200 OK", [])
    return iter(["text"])


def exits(environ, start_response):
    sys.exit("leaving")


def nothing(environ, start_response):
    start_response("204 No Content", [])
    return []


def not_iterable(environ, start_response):
    start_response("200 OK", [])
    return 7


def make(global_conf):
    def app(environ, start_response):
        name, slash, rest = environ["PATH_INFO"][1:].partition("/")
        environ.update(SCRIPT_NAME="/" + name, PATH_INFO=slash + rest)
        return globals()[name](environ, start_response)
    return app
