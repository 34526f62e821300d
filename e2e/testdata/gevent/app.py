"""Waits, reads and says, in greenlets."""
import json
import os
import threading
import time

import gevent

current = threading.local()
waiting = [0]
met = threading.Event()


def make_app(global_conf):
    return application


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(globals()[environ["PATH_INFO"][1:]](environ)).encode()]


def meet(environ):
    """Returns when as many are here at once as are asked for."""
    current.name = name = environ["QUERY_STRING"]
    waiting[0] += 1
    if waiting[0] == int(environ["HTTP_X_COUNT"]):
        met.set()
    if not met.wait(60):
        return "alone"
    assert current.name == name, "the local of another request"
    return name


def kind(environ):
    return type(gevent.getcurrent()).__name__


def say(environ):
    name = environ["QUERY_STRING"]
    environ["wsgi.errors"].write("begun %s, " % name)
    time.sleep(0.05)
    environ["wsgi.errors"].write("ended %s\n" % name)
    return environ["pasted.request_id"]


def body(environ):
    size = 0
    while True:
        data = environ["wsgi.input"].read(10000)
        if not data:
            return size
        size += len(data)


def process(environ):
    return os.getpid()


def crash(environ):
    os._exit(1)
