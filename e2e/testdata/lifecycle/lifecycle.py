"""An application that holds memory, a lock, or what does not survive a fork, as its folder says."""

import fcntl
import os
import socket
import sqlite3
import threading
import time

FOLDER = os.environ["E2E_FOLDER"]

# Of many small objects, as an application's are, and not of one large one.
HELD = [bytes(1000) + str(i).encode() for i in range(int(os.environ["E2E_MEGABYTES"]) * 1000)]

warm = []


def has(name):
    return os.path.exists(os.path.join(FOLDER, name))


if has("lock"):
    lock = open(os.path.join(FOLDER, "the-lock"), "w")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

if has("unsafe"):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    database = sqlite3.connect(os.path.join(FOLDER, "the-database"))
    poller = threading.Thread(target=time.sleep, args=(3600,), name="poller", daemon=True)
    poller.start()


def make_app(global_conf):
    def app(environ, start_response):
        if not warm:
            warm.append(os.getpid())
        if environ["PATH_INFO"] == "/slow":
            time.sleep(0.05)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [('{"PID": %d, "Warmed": %d}' % (os.getpid(), warm[0])).encode()]

    return app
