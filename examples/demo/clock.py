"""The smallest of applications: the time."""

import time


def make_app(global_conf):
    """Return the application."""
    return tell_time


def tell_time(environ, start_response):
    body = time.strftime("%H:%M:%S\n").encode("ascii")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
