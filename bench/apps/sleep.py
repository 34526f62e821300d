"""Waits as many milliseconds as the path says, as for a database."""

import time

BODY = b"Hello, World!\n"
FIELDS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    wait = environ["PATH_INFO"][1:]
    if wait:
        time.sleep(int(wait) / 1000)
    start_response("200 OK", list(FIELDS))
    return [BODY]


def make_app(global_conf):
    return application
