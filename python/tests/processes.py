"""What tests of whole processes have in common."""

import unittest

import pasted
from pasted import frames, tree

# An application each of whose pages is a function of the environ, by its name.
PAGES = """
    def make(global_conf, **local_conf):
        return application

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(globals()[environ["PATH_INFO"][1:] or "hello"](environ)).encode()]
"""

APP = PAGES + """
    import os, sys, threading

    def hello(environ):
        return "hello"

    def pid(environ):
        return os.getpid()

    def parent(environ):
        return os.getppid(), os.getpgid(0) == os.getpid()

    def path(environ):
        return sys.path

    def argv(environ):
        return sys.argv

    def main_names(environ):
        return sorted(n for n in vars(sys.modules["__main__"]) if not n.startswith("__"))

    def descriptors(environ):
        found = []
        for fd in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink("/proc/self/fd/" + fd).partition(":")[0])
            except OSError:
                pass
        return found.count("socket")

    def say(environ):
        environ["wsgi.errors"].write("one\\ntwo")
        environ["wsgi.errors"].writelines([" and a half\\n", "three"])
        import logging
        logging.getLogger("site").warning("a record\\nof two lines")

    def thread(environ):
        return threading.current_thread().name
"""


class Case(unittest.TestCase):
    def setUp(self):
        pasted.become_subreaper()

    def site(self, **sources):
        sources.setdefault("app", APP)
        site = pasted.Site(**sources)
        self.addCleanup(site.close)
        return site

    def alone(self, *roots, **more):
        """Return a worker without a template that has loaded the roots."""
        worker = self.site(**more.pop("sources", {})).alone(*roots or [tree("app", "make")], **more)
        self.addCleanup(worker.end)
        worker.hello()
        worker.await_(frames.LOADED)
        return worker

    def serving(self, *roots, **more):
        lanes = more.pop("lanes", 1)
        worker = self.alone(*roots, **more)
        worker.serve(lanes)
        return worker

    def failing(self, source, **load):
        """Return the Failed value of a module that is loaded."""
        worker = self.site(app=source).alone(tree("app", "make"), **load)
        self.addCleanup(worker.end)
        worker.hello()
        return worker.failed()
