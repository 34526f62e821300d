"""An application that writes down each of its calls: see stress_test.go."""
import collections
import ctypes
import itertools
import os
import time


def consume(steps):
    """Take so many steps in one call, which does not give the interpreter's lock away."""
    collections.deque(itertools.repeat(None, steps), maxlen=0)


_began = time.process_time()
consume(1000000)
SPEED = 1e6 / (time.process_time() - _began)  # steps a second of the processor


def make_app(global_conf, ledger):
    calls = os.open(ledger, os.O_WRONLY | os.O_APPEND)  # each write at the file's end, whole

    def application(environ, start_response):
        os.write(calls, environ["QUERY_STRING"].encode() + b"\n")
        kind, _, seconds = environ["PATH_INFO"][1:].partition("/")
        if kind == "slow":
            time.sleep(float(seconds))
        elif kind == "hold":  # the interpreter's lock, asleep
            ctypes.PyDLL(None).usleep(int(float(seconds) * 1e6))
        elif kind == "compute":  # with the interpreter's lock, in one call
            consume(int(float(seconds) * SPEED))
        start_response("200 OK", [])
        return [b"ok"]

    return application
