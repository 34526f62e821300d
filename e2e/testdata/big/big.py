"""Takes and gives large bodies: paste.app_factory = big:make_app"""
import hashlib
import json
from urllib.parse import parse_qs

BLOCK = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(32768))  # 1 MB


def make_app(global_conf, **local_conf):
    return application


def application(environ, start_response):
    query = {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"]).items()}
    return pages[environ["PATH_INFO"]](environ, start_response, query)


def hello(environ, start_response, query):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]


def take(environ, start_response, query):
    """Says how long the body was and what sha256 makes of it."""
    length, digest = 0, hashlib.sha256()
    while True:
        piece = environ["wsgi.input"].read(1 << 16)
        if not piece:
            break
        length += len(piece)
        digest.update(piece)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"length": length, "sha256": digest.hexdigest()}).encode()]


def give(environ, start_response, query):
    """Gives size bytes, in pieces of piece bytes, with its length or without."""
    size, piece = int(query["size"]), int(query.get("piece", 1 << 16))
    headers = [("Content-Type", "application/octet-stream")]
    if "length" in query:
        headers.append(("Content-Length", str(size)))
    start_response("200 OK", headers)
    block = BLOCK * (piece // len(BLOCK) + 1) if piece > len(BLOCK) else BLOCK

    def pieces():
        left = size
        while left > 0:
            yield block[:min(piece, left)]
            left -= piece

    return pieces()


def send(environ, start_response, query):
    """Gives a file to wsgi.file_wrapper."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return environ["wsgi.file_wrapper"](open(query["path"], "rb"), 1 << 16)


def write(environ, start_response, query):
    """Gives size bytes by write(), a block at a time."""
    send_on = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(int(query["size"]) // len(BLOCK)):
        send_on(BLOCK)
    return []


pages = {"/take": take, "/stream/take": take, "/give": give, "/send": send, "/write": write, "/hello": hello}
