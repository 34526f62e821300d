"""An application whose pages take longer than they may, each in its own way:
paste.app_factory = deadline:make_app"""
import os
import socket
import threading
import time

import pasted

lock = threading.Lock()
lock.acquire()
told = []


def make_app(global_conf, **local_conf):
    return application


def application(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    page = PAGES[environ["PATH_INFO"]]
    if page is stream:
        return stream(environ, write)
    return [page(environ, write).encode()]


def quick(environ, write):
    return "%d" % os.getpid()


def tell(environ, write):
    return " ".join(told)


def loop(environ, write):
    while True:
        pass


def naps(environ, write):
    for _ in range(1000):
        time.sleep(0.05)


def stuck(environ, write):
    """One call into C that returns after the deadline and within the grace period."""
    try:
        time.sleep(6)
        told.append("not stopped")
    finally:
        told.append("back")


def lost(environ, write):
    """One call into C that does not return."""
    lock.acquire()


def receive(environ, write):
    ours, theirs = socket.socketpair()
    ours.settimeout(0.2)
    while True:
        try:
            ours.recv(1)
        except socket.timeout:
            pass


def catch(environ, write):
    try:
        naps(environ, write)
    except pasted.DeadlineExceeded:
        told.append("caught")
        return "late"


def more(environ, write):
    environ["pasted.extend_deadline"](60)
    time.sleep(6)
    return "extended"


def kept(environ, write):
    told.append("begun")
    try:
        naps(environ, write)
    except pasted.ClientDisconnected:
        told.append("disconnected")
        raise


def stream(environ, write):
    yield b"begun\n"
    naps(environ, write)


PAGES = {
    "/quick": quick, "/health": quick, "/tell": tell, "/loop": loop, "/naps": naps, "/stuck": stuck, "/lost": lost,
    "/receive": receive, "/catch": catch, "/more": more, "/kept": kept, "/stream": stream,
}
