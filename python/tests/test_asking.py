"""Who may ask a loader, and when: threads, forked processes, functions of after_fork."""

import unittest

from pasted import PYPY, Site, become_subreaper, tree
from pasted_worker import frames

SOURCE = """
import os
import sys
import threading

import pasted_worker

told = []


def make(global_conf, **local_conf):
    return lambda environ, start_response: start_response("200 OK", []) and None or [repr(told).encode()]


def forking(loader, global_conf, one):
    first = threading.Thread(target=lambda: told.append(callable(loader.get_app(one))))
    first.start()
    told.append(in_a_child(lambda: loader.get_app(one)))
    first.join()
    told.append(callable(loader.get_app(one)))
    return make(None)


def in_a_child(function):
    "Call function in a process forked for that, and return what it says."
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            try:
                answer = repr(function())
            except BaseException as error:
                answer = "%s: %s" % (type(error).__name__, error)
            os.write(writing, answer.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as f:
        answer = f.read()
    os.waitpid(child, 0)
    return answer


def recursing(loader, global_conf, one):
    "Ask at the depths where the recursion limit is met, in several threads at once."
    def at(depth):
        return at(depth - 1) if depth else callable(loader.get_app(one))

    def ask():
        limit = sys.getrecursionlimit()
        for depth in range(limit - 100, limit + 5):
            try:
                told.append(at(depth))
            except RecursionError:
                told.append(None)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    told[:] = [told.count(True) > 50, told.count(None) > 50, callable(loader.get_app(one))]
    return make(None)


def after(loader, global_conf, one):
    @pasted_worker.after_fork
    def ask():
        told.append(callable(loader.get_app(one)))
        thread = threading.Thread(target=lambda: told.append(loader.app_context(one).protocol))
        thread.start()
        thread.join()
    return make(None)


def serving(loader, global_conf, one):
    def application(environ, start_response):
        told.append(in_a_child(lambda: loader.get_app(one)))
        told.append(callable(loader.get_app(one)))
        return make(None)(environ, start_response)
    return application
"""

REFUSAL = "RuntimeError: a process that the application has forked cannot load components"


class Asking(unittest.TestCase):
    def setUp(self):
        become_subreaper()
        self.site = Site(app=SOURCE)
        self.addCleanup(self.site.close)

    def load(self, attr, mode="template"):
        root = tree("app", attr, protocol="paste.composite_factory", local_conf={"one": "one"})
        process = getattr(self.site, mode)(root)
        self.addCleanup(process.end)
        process.answers = {("app", "one"): {"context": tree("app", "make")}}
        process.hello()
        process.await_(frames.LOADED)
        return process

    def worker(self, template):
        worker = template.fork()
        self.addCleanup(worker.end)
        worker.answers = template.answers
        worker.serve()
        return worker

    def test_child_of_the_application_disturbs_no_load(self):
        for mode in "template", "alone":
            with self.subTest(mode):
                process = self.load("forking", mode)
                worker = self.worker(process) if mode == "template" else process
                if mode == "alone":
                    worker.serve()
                self.assertEqual(sorted(eval(worker.get("/").body), key=str), [REFUSAL, True, True])

    def test_child_of_the_application_disturbs_no_worker(self):
        worker = self.worker(self.load("serving"))
        number = worker.request("/")
        worker.await_(frames.RESOLVE)
        self.assertEqual(eval(worker.reply(number).body), [REFUSAL, True])

    @unittest.skipIf(PYPY, "PyPy limits the bytes of a stack, not the calls")
    def test_recursion_limit_breaks_no_frame(self):
        worker = self.load("recursing", "alone")
        worker.serve()
        self.assertEqual(eval(worker.get("/").body), [True, True, True])

    def test_functions_after_the_fork_may_ask(self):
        worker = self.worker(self.load("after"))
        self.assertEqual(eval(worker.get("/").body), [True, "paste.app_factory"])

    def test_functions_after_the_fork_may_ask_where_there_is_none(self):
        worker = self.load("after", "alone")
        worker.serve()
        self.assertEqual(eval(worker.get("/").body), [True, "paste.app_factory"])


if __name__ == "__main__":
    unittest.main()
