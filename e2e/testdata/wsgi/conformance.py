"""An application that does everything PEP 3333 lets one do, and some things
that it does not. Python 3.6 or later, or 2.7."""
import collections
import hashlib
import json
import os
import sys
import threading
import time
from wsgiref.validate import validator

try:
    from urllib.parse import parse_qs
except ImportError:
    from urlparse import parse_qs

closed = collections.Counter()  # how often close() was called, by key
pages = {}


def make_app(global_conf, **local_conf):
    """paste.app_factory"""
    return application


def validated(app, global_conf):
    """paste.filter_app_factory: asserts that both sides keep to the PEP"""
    return validator(app)


def application(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    name = query["page"][0] if "page" in query else environ["PATH_INFO"].split("/")[1]
    page = pages.get(name)
    if page is None:
        return answer(start_response, "404 Not Found", "no page %r\n" % name)
    return page(environ, start_response, {k: v[0] for k, v in query.items()})


def page(function):
    pages[function.__name__.replace("_", "-")] = function
    return function


def answer(start_response, status, text, content_type="text/plain; charset=utf-8"):
    body = text.encode()
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]


def as_json(start_response, value):
    return answer(start_response, "200 OK", json.dumps(value), "application/json")


TEXT = [("Content-Type", "text/plain")]


class Body:
    """An iterable that counts the calls of its close() under a key."""

    def __init__(self, chunks, key):
        self.chunks, self.key = iter(chunks), key

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.chunks)

    next = __next__

    def close(self):
        closed[self.key] += 1


@page
def environ(environ, start_response, query):
    found = {k: v for k, v in environ.items() if isinstance(v, (str, bool, tuple))}
    return as_json(start_response, {"environ": found, "problems": list(problems(environ))})


def problems(environ):
    """What is wrong with the environ, beyond what the validator looks at."""
    if type(environ) is not dict:
        yield "environ is a %s" % type(environ)
    for key, value in environ.items():
        if type(key) is not str:
            yield "key %r" % key
        if not key.startswith(("wsgi.", "pasted.", "paste.")) and type(value) is not str:
            yield "%s is a %s" % (key, type(value))
        if type(value) is str is not bytes:
            try:
                value.encode("latin-1")
            except UnicodeEncodeError:
                yield "%s = %r is not Latin-1" % (key, value)
    for key in ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once"):
        if type(environ[key]) is not bool:
            yield "%s = %r" % (key, environ[key])
    if environ["wsgi.version"] != (1, 0):
        yield "wsgi.version = %r" % (environ["wsgi.version"],)
    for method in ("read", "readline", "readlines", "__iter__"):
        if not hasattr(environ["wsgi.input"], method):
            yield "wsgi.input has no %s" % method
    for method in ("flush", "write", "writelines"):
        if not hasattr(environ["wsgi.errors"], method):
            yield "wsgi.errors has no %s" % method


@page
def echo(environ, start_response, query):
    """Reads the body in the way that is asked for, and says what it was."""
    stream, got = environ["wsgi.input"], []
    how = query.get("how", "read")
    if how == "read":
        got = list(iter(lambda: stream.read(65536), b""))
    elif how == "small":
        got = list(iter(lambda: stream.read(7), b""))
    elif how == "exactly":
        got = [stream.read(int(environ["CONTENT_LENGTH"]))]
    elif how == "all":
        got = [stream.read()]
    elif how == "minus":
        got = [stream.read(-1)]
    elif how == "zero":
        got = [stream.read(0), stream.read(0), stream.read(1 << 30)]
    elif how == "readline":
        got = list(iter(stream.readline, b""))
    elif how == "limited":
        got = list(iter(lambda: stream.readline(5), b""))
        if any(len(part) > 5 for part in got):
            got = []
    elif how == "readlines":
        got = stream.readlines()
    elif how == "iterate":
        got = list(stream)
    elif how == "mixed":
        got = [stream.readline(), stream.read(3), stream.readline()] + stream.readlines()
    elif how == "part":
        got = [stream.read(3)]
    elif how == "beyond":
        got = [stream.read(1 << 30), stream.read(1), stream.readline(), stream.read(1)]
    body = b"".join(got)
    return as_json(start_response, {
        "length": len(body), "sha256": hashlib.sha256(body).hexdigest(),
        "parts": len(got), "content_length": environ.get("CONTENT_LENGTH", ""),
    })


@page
def duplex(environ, start_response, query):
    """Answers each line of the body as it is read."""
    start_response("200 OK", TEXT)
    return (b"got " + line for line in environ["wsgi.input"])


@page
def write(environ, start_response, query):
    send = start_response("200 OK", TEXT)
    send(b"written ")
    send(b"twice, ")
    return [b"then returned\n"]


@page
def generator(environ, start_response, query):
    start_response("200 OK", TEXT)
    return Body([b"", b"one ", b"", b"two ", b"three\n", b""], query.get("key", "generator"))


@page
def lazy(environ, start_response, query):
    """Calls start_response only when it is iterated over."""

    def chunks():
        start_response("201 Created", TEXT)
        yield b"lazily\n"

    return chunks()


@page
def empty(environ, start_response, query):
    start_response("200 OK", TEXT)
    return []


@page
def status(environ, start_response, query):
    code = query["is"]
    start_response(code, [] if code[:3] in ("204", "304") else TEXT)
    return [] if code[:3] in ("204", "304") else [b"as asked for\n"]


@page
def bodied(environ, start_response, query):
    """Gives a body, with a length, to an answer that must have none."""
    return answer(start_response, query["is"], "not to be seen\n")


@page
def fields(environ, start_response, query):
    start_response("200 OK", TEXT + [
        ("Set-Cookie", "a=1"), ("X-Two", "first"), ("Set-Cookie", "b=2; Path=/"), ("X-Two", "second"),
        ("X-Latin", "caf\xe9"), ("X-Empty", ""), ("Server", "conformance/1"),
    ])
    return [b"fields\n"]


@page
def many(environ, start_response, query):
    start_response("200 OK", TEXT + [
        ("X-Many", str(n) + "y" * int(query["size"])) for n in range(int(query["count"]))])
    return [b"many fields\n"]


@page
def length(environ, start_response, query):
    """Says one length and gives another."""
    start_response("200 OK", TEXT + [("Content-Length", query["says"])])
    return Body([b"x" * int(query["gives"])], query.get("key", "length"))


@page
def inject(environ, start_response, query):
    start_response("200 OK", TEXT + [("X-A", "a\r\nX-B: b")])
    return [b"injected\n"]


@page
def hints(environ, start_response, query):
    """Says ahead of its answer what it will need."""
    environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload; as=style")])
    environ["wsgi.early_hints"]([("Link", "</script.js>; rel=preload; as=script"), ("X-Caf\xe9" if "bad" in query else "X-A", "b")])
    return answer(start_response, "200 OK", "hinted\n")


@page
def hop_by_hop(environ, start_response, query):
    start_response("200 OK", TEXT + [(query["name"], query["value"])])
    return [b"not to be seen\n"]


@page
def queued(environ, start_response, query):
    return as_json(start_response, {"time": environ["pasted.queue_time"], "release": environ["pasted.release"]})


@page
def replaced(environ, start_response, query):
    """Takes its head back before it has been sent."""
    start_response("200 OK", TEXT + [("X-First", "1")])
    try:
        raise ValueError("changed its mind")
    except ValueError:
        start_response("503 Changed Its Mind", TEXT + [("X-Second", "2")], sys.exc_info())
    return [b"second thoughts\n"]


@page
def too_late(environ, start_response, query):
    """Wants to take its head back after it has been sent."""

    def chunks():
        start_response("200 OK", TEXT)
        yield b"begun\n"
        try:
            raise ValueError("too late")
        except ValueError:
            start_response("500 Too Late", TEXT, sys.exc_info())
        yield b"not to be seen\n"

    return chunks()


@page
def raised(environ, start_response, query):
    """As too_late, but goes on when start_response has raised what it was given."""

    def chunks():
        start_response("200 OK", TEXT)
        yield b"begun\n"
        given = ValueError("too late")
        try:
            raise given
        except ValueError:
            try:
                start_response("500 Too Late", TEXT, sys.exc_info())
                yield b"not raised\n"
            except ValueError as error:
                yield b"caught what was given\n" if error is given else b"caught another\n"
        yield b"ended\n"

    return chunks()


@page
def twice(environ, start_response, query):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"not to be seen\n"]


@page
def never(environ, start_response, query):
    return [b"not to be seen\n"]


@page
def text_body(environ, start_response, query):
    start_response("200 OK", TEXT)
    return [u"not to be seen \u20ac\n"]


@page
def fail(environ, start_response, query):
    """Raises at the moment that is asked for."""
    when = query["when"]
    message = "failed as asked, %s" % query.get("key", when)
    if when == "at once":
        raise RuntimeError(message)
    start_response("200 OK", TEXT)
    if when == "after the head":
        raise RuntimeError(message)

    def chunks():
        if when == "at first":
            raise RuntimeError(message)
        yield b"begun\n"
        if when == "in the middle":
            raise RuntimeError(message)
        yield b"ended\n"

    class Failing(Body):
        def close(self):
            Body.close(self)
            if when == "in close":
                raise RuntimeError(message)

    return Failing(chunks(), query.get("key", when))


@page
def exit(environ, start_response, query):
    """Raises what is no Exception."""
    raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt,
           "GeneratorExit": GeneratorExit}[query["with"]]()


@page
def endless(environ, start_response, query):
    """Ends only when its client has gone."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])

    def chunks():
        while True:
            yield b"x" * 65536

    return Body(chunks(), query["key"])


@page
def ticking(environ, start_response, query):
    """As endless, but slowly."""
    start_response("200 OK", TEXT)

    def chunks():
        while True:
            yield b"tick\n"
            time.sleep(0.02)

    return Body(chunks(), query["key"])


@page
def closes(environ, start_response, query):
    return as_json(start_response, closed[query["key"]])


@page
def file(environ, start_response, query):
    """Sends this file as wsgi.file_wrapper does it."""
    source = open(os.path.abspath(__file__), "rb")
    start_response("200 OK", TEXT)
    wrapper = environ.get("wsgi.file_wrapper")
    return wrapper(source, 4096) if wrapper else iter(lambda: source.read(4096), b"")


@page
def say(environ, start_response, query):
    errors = environ["wsgi.errors"]
    errors.write("begun, ")
    errors.write("ended: %s\n" % query["text"])
    errors.writelines(["line one of %s\n" % query["text"], "line two of %s\n" % query["text"]])
    errors.flush()
    return answer(start_response, "200 OK", environ.get("pasted.request_id", ""))


together = {}
together_lock = threading.Lock()


@page
def meet(environ, start_response, query):
    """Answers when as many requests as are asked for are here at once."""
    count = int(query["count"])
    with together_lock:
        barrier = together.setdefault(query["key"], threading.Barrier(count))
    try:
        barrier.wait(10)
    except threading.BrokenBarrierError:
        return answer(start_response, "500 Alone", "alone\n")
    return answer(start_response, "200 OK", "met\n")
