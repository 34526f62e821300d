"""Factories that write down what they were called with, a line of JSON each, to $E2E_CALLS."""
import json
import os
import threading
import time

_WRITING = threading.Lock()


def plain(conf):
    """Return conf without what the test alone is interested in; what is no text as its type."""
    return {k: v if isinstance(v, (str, type(None))) else type(v).__name__
            for k, v in conf.items() if not str(k).startswith("e2e_")}


def note(*what):
    with _WRITING, open(os.environ["E2E_CALLS"], "a") as f:
        f.write(json.dumps(what, sort_keys=True) + "\n")


def said(error):
    """Return what an exception is."""
    return [type(error).__module__ + "." + type(error).__qualname__, str(error), repr(error.args)]


class App:
    """Says what it was made with, and where the request has got to."""

    def __init__(self, kind, global_conf, local_conf):
        self.called = [kind, plain(global_conf), plain(local_conf)]
        note(*self.called)

    def __call__(self, environ, start_response):
        seen = {k: environ.get(k) for k in (
            "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "SERVER_NAME",
            "REMOTE_ADDR", "wsgi.url_scheme", "record.filters")}
        text = json.dumps({"app": self.called, "seen": seen}, sort_keys=True).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]


class Filter:
    def __init__(self, app, kind, global_conf, local_conf):
        self.app = app
        self.called = [kind, plain(global_conf), plain(local_conf)]
        note(*self.called)

    def __call__(self, environ, start_response):
        environ.setdefault("record.filters", []).append(self.called)
        return self.app(environ, start_response)


def app(global_conf, **local_conf):
    return App("app", global_conf, local_conf)


def filter(global_conf, **local_conf):
    note("filter", plain(global_conf), plain(local_conf))
    return lambda app: Filter(app, "filtered", global_conf, local_conf)


def filter_app(app, global_conf, **local_conf):
    return Filter(app, "filter_app", global_conf, local_conf)


def server(global_conf, **local_conf):
    note("server", plain(global_conf), plain(local_conf))
    return lambda app: note("serving", type(app).__name__)


def boom(global_conf):
    def application(environ, start_response):
        raise KeyError("the application's own")
    return application


def main_of(path):
    """Return the application at the head of a path, and what is left."""
    head, _, rest = path[1:].partition("/")
    return head, "/" + rest


def answer(start_response, value):
    text = json.dumps(value, sort_keys=True, default=repr).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


def patiently(function):
    """Call function in a thread and return what it returns or raises."""
    found = []
    thread = threading.Thread(target=lambda: found.append(_outcome(function)))
    thread.start()
    thread.join(20)
    return found[0]


def _outcome(function):
    try:
        return function()
    except Exception as error:
        return said(error)


def wait_for(condition, limit=20):
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError("nothing has happened")
        time.sleep(0.005)
