"""An application that says which process it is in, waits, and dies when told
to: paste.app_factory = crash:make_app

It talks with the test through files in a folder."""
import atexit
import ctypes
import json
import marshal
import os
import signal
import sys
import time
from urllib.parse import parse_qs

FOLDER = os.environ["E2E_FOLDER"]


def there(name):
    return os.path.exists(os.path.join(FOLDER, name))


def touch(name, text=""):
    with open(os.path.join(FOLDER, name), "a") as f:
        f.write(text)


atexit.register(lambda: touch("exits", "%d\n" % os.getpid()))
touch("imports", "%d\n" % os.getpid())
if there("exit-at-import"):
    os._exit(7)
if there("raise-at-import"):
    raise RuntimeError("raised at import, as asked")
if there("hang-at-import"):
    time.sleep(3600)


def make_app(global_conf, **local_conf):
    return application


def application(environ, start_response):
    name = environ["PATH_INFO"].split("/")[1]
    query = {k: v[0] for k, v in parse_qs(environ["QUERY_STRING"]).items()}
    text = pages[name](query)
    if not isinstance(text, bytes):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return text
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


def who(query):
    return json.dumps({"pid": os.getpid(), "parent": os.getppid()}).encode()


def hold(query):
    """Answers when the test has made the file release-KEY."""
    key = query["key"]
    touch("held-" + key, "%d\n" % os.getpid())
    deadline = time.time() + 60
    while not there("release-" + key) and time.time() < deadline:
        time.sleep(0.005)
    return who(query)


def count(query):
    """Writes down that it has been called."""
    touch("count-" + query["key"], "x")
    return who(query)


def drip(query):
    """Begins its answer, and ends it as hold does."""
    yield b"begun\n"
    yield hold(query)


def exit(query):
    os._exit(int(query["code"]))


def segfault(query):
    ctypes.string_at(0)


def trap(query):
    """Has its worker be killed with the next request that its thread begins, before
    the application is called; answers as hold does."""
    def kill(frame, event, arg):
        if event == "c_call" and arg is marshal.loads:  # of the request's environ
            touch("trapped", "%d\n" % os.getpid())
            os.kill(os.getpid(), signal.SIGKILL)
    sys.setprofile(kill)
    return hold(query)


def child(query):
    """Leaves a process of its own behind."""
    pid = os.fork()
    if pid == 0:
        os.closerange(3, 256)
        time.sleep(3600)
        os._exit(0)
    return json.dumps({"pid": pid, "parent": os.getpid()}).encode()


def deaf(query):
    """Holds the GIL for so many seconds: one call into C that never lets go."""
    ctypes.PyDLL(None).sleep(int(query["seconds"]))
    return who(query)


pages = {f.__name__: f for f in (who, hold, drip, count, exit, segfault, trap, child, deaf)}
sys.setswitchinterval(0.001)
