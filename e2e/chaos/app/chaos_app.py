"""The application of the chaos: it keeps a ledger of its calls, and misbehaves when asked to.

Every call is written down before anything else is done with it, by one append: so
the ledger tells how often each request has reached the application, in which
process, and when.
"""

import ctypes
import os
import time
import zlib
from urllib.parse import parse_qs

time.sleep(float(os.environ.get("CHAOS_IMPORT_SECONDS", "0")))
ballast = bytearray(os.urandom(1 << 20) * int(os.environ.get("CHAOS_BALLAST_MB", "0")))

ledger = os.open(os.environ["CHAOS_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def make_app(global_conf):
    return application


def application(environ, start_response):
    text = environ["QUERY_STRING"]  # n=NUMBER&more, if any
    number = text[2:].partition("&")[0] or "0"
    os.write(ledger, b"%s %d %.6f\n" % (number.encode(), os.getpid(), time.monotonic()))
    query = {name: values[0] for name, values in parse_qs(text).items()}
    return PAGES[environ["PATH_INFO"]](environ, start_response, number, query)


def work(environ, start_response, number, query):
    """Wait, or compute, and tell the number and what the body was."""
    body = environ["wsgi.input"].read()
    time.sleep(float(query.get("ms", 0)) / 1000)
    return answer(start_response, "%s %d %08x\n" % (number, len(body), zlib.crc32(body)))


def hold(environ, start_response, number, query):
    """Keep the interpreter's lock in a call of C."""
    ctypes.PyDLL(None).usleep(int(float(query["ms"]) * 1000))
    return answer(start_response, "%s held\n" % number)


def hang(environ, start_response, number, query):
    time.sleep(3600)


def die(environ, start_response, number, query):
    os.kill(os.getpid(), 9)
    time.sleep(3600)


def stream(environ, start_response, number, query):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(int(query["pieces"])):
        yield b"x" * 65536


def answer(start_response, text):
    data = text.encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]


PAGES = {"/work": work, "/slow": work, "/hold": hold, "/hang": hang, "/die": die, "/stream": stream}
