"""Reads bodies and gives files, each in the ways there are: paste.app_factory = bodies:make_app"""
import hashlib
import io
import json
import os
import tempfile
from urllib.parse import parse_qs

PLAIN = [("Content-Type", "text/plain")]


def make_app(global_conf, folder):
    def application(environ, start_response):
        query = {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"]).items()}
        page = pages[environ["PATH_INFO"].rsplit("/", 1)[-1]]
        return page(environ, start_response, query, folder)

    return application


def take(environ, start_response, query, files):
    """Says how long the body was and what sha256 makes of it."""
    length, digest = 0, hashlib.sha256()
    for piece in iter(lambda: environ["wsgi.input"].read(1 << 16), b""):
        length += len(piece)
        digest.update(piece)
    start_response("200 OK", PLAIN)
    return [json.dumps({
        "length": length, "sha256": digest.hexdigest(), "said": environ.get("CONTENT_LENGTH")}).encode()]


def lines(environ, start_response, query, files):
    """Gives each line of the body back as it comes."""
    start_response("200 OK", PLAIN)
    return (b"got " + line for line in environ["wsgi.input"])


def hint(environ, start_response, query, files):
    """Tells of each line of the body as it comes, ahead of the answer."""
    environ["wsgi.early_hints"]([("Link", "<begun>; rel=preload")])
    for line in environ["wsgi.input"]:
        environ["wsgi.early_hints"]([("Link", "<%s>; rel=preload" % line.decode().strip())])
    start_response("200 OK", PLAIN)
    return [b"hinted\n"]


def sizes(environ, start_response, query, files):
    """Says how much each read has given; of the first it tells ahead of its answer."""
    body, read = environ["wsgi.input"], []
    read.append(len(body.read(4)))
    environ["wsgi.early_hints"]([("Link", "<read>; rel=preload")])
    for call in (lambda: body.read(10), lambda: body.readline(), lambda: body.read(100), body.read,
                 lambda: body.read(1), body.readline, lambda: body.read(-1)):
        read.append(len(call()))
    start_response("200 OK", PLAIN)
    return [json.dumps(read).encode()]


def late(environ, start_response, query, files):
    """Begins its answer before it reads the body, which it then gives back."""
    def pieces():
        yield b"begun\n"
        yield environ["wsgi.input"].read()

    start_response("200 OK", PLAIN)
    return pieces()


def ignore(environ, start_response, query, files):
    start_response("200 OK", PLAIN)
    return [b"ignored\n"]


def tell(environ, start_response, query, files):
    """Notes in a file what reading the body comes to, in the way that is asked for."""
    body = environ["wsgi.input"]
    ways = {
        "read": lambda: body.read(),
        "sized": lambda: b"".join(iter(lambda: body.read(1000), b"")),
        "line": lambda: b"".join(iter(lambda: body.readline(), b"")),
        "lines": lambda: b"".join(body.readlines()),
        "each": lambda: b"".join(body),
    }
    try:
        told = "%d bytes" % len(ways[query["way"]]())
    except OSError as error:
        told = "OSError"
        try:
            told += ", then %d bytes" % len(body.read())
        except OSError:
            told += ", then OSError"
        if "raise" in query:
            note(files, query["to"], told)
            raise error
    note(files, query["to"], told)
    start_response("200 OK", PLAIN)
    return [told.encode()]


def note(files, name, text):
    path = os.path.join(files, name)
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def give(environ, start_response, query, files):
    """Gives wsgi.file_wrapper a file of the kind that is asked for."""
    path = os.path.join(files, query["name"])
    kinds = {
        "buffered": lambda: open(path, "rb"),
        "raw": lambda: open(path, "rb", buffering=0),
        "both": lambda: open(path, "r+b"),
        "text": lambda: open(path, "r"),
        "memory": lambda: io.BytesIO(open(path, "rb").read()),
        "temporary": lambda: copied(path),
        "pipe": lambda: piped(path),
        "odd": lambda: Odd(open(path, "rb")),
    }
    file = kinds[query["kind"]]()
    if "seek" in query:
        file.seek(int(query["seek"]))
    if "skip" in query:
        file.read(int(query["skip"]))  # the descriptor is ahead of the file then
    fields = [("Content-Type", "application/octet-stream")]
    if "length" in query:
        fields.append(("Content-Length", query["length"]))
    status = query.get("status", "200 OK")
    send = start_response(status, fields)
    if "write" in query:
        send(query["write"].encode())
    counted = Counted(file, os.path.join(files, "closed")) if "count" in query else file
    wrapped = environ["wsgi.file_wrapper"](file, int(query.get("block", 8192)))
    if "count" in query:
        wrapped.close = counted.close
    if "truncate" in query:
        wrapped.close = lambda: (os.truncate(path, int(query["truncate"])), file.close())
    return wrapped


class Counted:
    """Notes each call of close."""

    def __init__(self, file, path):
        self.file, self.path = file, path

    def close(self):
        self.file.close()
        with open(self.path, "a") as log:
            log.write("closed\n")


class Odd:
    """A file-like object whose descriptor has other bytes than it gives."""

    def __init__(self, file):
        self.file = file

    def fileno(self):
        return self.file.fileno()

    def read(self, size):
        return self.file.read(size).swapcase()

    def seek(self, at):
        self.file.seek(at)


def copied(path):
    file = tempfile.NamedTemporaryFile()
    with open(path, "rb") as source:
        file.write(source.read())
    file.seek(0)
    return file


def piped(path):
    read, write = os.pipe()
    os.write(write, open(path, "rb").read(1000))
    os.close(write)
    return os.fdopen(read, "rb")


def named(environ, start_response, query, files):
    """Names a file for the server to send, in a field."""
    fields = [(name, value) for name, value in (f.split(": ", 1) for f in query["fields"].split("|"))]
    start_response(query.get("status", "200 OK"), fields)
    return [b"not this"] if "body" in query else []


def hold(environ, start_response, query, files):
    start_response("200 OK", PLAIN)
    return [b"here\n"]


pages = {
    "take": take, "lines": lines, "hint": hint, "sizes": sizes, "late": late, "ignore": ignore, "tell": tell,
    "give": give, "named": named, "hold": hold,
}
