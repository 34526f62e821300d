"""An application whose import does, or has done to the process, what E2E_DOES
says: paste.app_factory = unusual:make_app"""
import os
import signal
import sys
import threading
import time


def nothing():
    pass


def ignore_children():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def ignore_stops():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def thread_without_end():
    threading.Thread(target=time.sleep, args=(3600,)).start()


def no_standard_streams():
    sys.stdout = sys.stderr = None


def closed_standard_descriptors():
    for fd in range(3):
        os.close(fd)


def few_descriptors():
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))


def noisy():
    sys.stdout.write("x" * 1000000 + "\n")
    sys.stderr.write("y" * 1000000 + "\n")


for name in os.environ["E2E_DOES"].split():
    globals()[name]()


def make_app(global_conf, **local_conf):
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"served all the same\n"]

    return application
