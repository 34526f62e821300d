"""An application that answers with what it was told of the request."""

import json
import os
import time
from urllib.parse import parse_qs


def make_app(global_conf, **local_conf):
    """paste.app_factory"""
    return application


def application(environ, start_response):
    path = environ["PATH_INFO"]
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    if path == "/stream":
        return stream(start_response, query["told"])
    if path == "/held":
        open(query["told"] + ".held", "w").close()
        await_bytes(query["told"], 1)
    body = environ["wsgi.input"].read()
    if path == "/echo":
        answer = body
    else:
        told = {name: value for name, value in environ.items() if isinstance(value, (str, bool))}
        told["length"] = len(body)
        answer = json.dumps(told).encode()
    start_response("200 OK", [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(len(answer))),
        ("X-Application", "told"),
    ])
    return [answer]


def stream(start_response, told):
    """Goes on with the next piece when the file has another byte."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(10):
        await_bytes(told, number)
        yield b"%d\n" % number


def await_bytes(told, size):
    """Wait until the test has written so many bytes into the file."""
    limit = time.monotonic() + 20
    while not os.path.exists(told) or os.path.getsize(told) < size:
        if time.monotonic() > limit:
            raise RuntimeError("not told to go on")
        time.sleep(0.005)
