"""What a crowd asks for: something small, something large, something slow."""

import time


def make_app(global_conf):
    return application


def application(environ, start_response):
    body = b"hello"
    if environ["PATH_INFO"] == "/large":
        body = b"x" * (1 << 20)
    elif environ["PATH_INFO"] == "/slow":
        time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
