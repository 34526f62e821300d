"""An application that answers with what it was told of the request."""

import json
import time


def make_app(global_conf, **local_conf):
    """paste.app_factory"""
    return application


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/stream":
        return stream(start_response)
    if path == "/slow":
        time.sleep(0.3)
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


def stream(start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(10):
        yield b"%d\n" % number
        time.sleep(0.02)
