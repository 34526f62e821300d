"""Middleware: says in each answer which process made it, and how long it took."""

import os
import time


class ServedBy:
    """Adds X-Served-By and Server-Timing to the answers of app."""

    def __init__(self, app, name):
        self.app = app
        self.name = name

    def __call__(self, environ, start_response):
        began = time.perf_counter()

        def start(status, headers, exc_info=None):
            taken = (time.perf_counter() - began) * 1000
            added = [
                ("X-Served-By", "%s, process %d" % (self.name, os.getpid())),
                ("Server-Timing", "app;dur=%.2f" % taken),
            ]
            return start_response(status, list(headers) + added, exc_info)

        return self.app(environ, start)


def make_filter(global_conf, name="python"):
    """Return the filter; name goes before the process in X-Served-By."""
    return lambda app: ServedBy(app, name)
