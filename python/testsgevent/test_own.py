"""What is so only where greenlets serve."""

import os
import sys
import unittest

os.environ["PASTED_WORKER_CLASS"] = "gevent"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))

import pasted  # noqa: E402
from pasted import frames, tree  # noqa: E402
from processes import PAGES  # noqa: E402

APP = PAGES + """
    import os, socket, subprocess, sys, threading, time
    import gevent, gevent.monkey
    assert gevent.monkey.is_module_patched("socket")
    import pasted_worker

    ticks = []

    def tick():
        while True:
            time.sleep(0.01)
            ticks.append(os.getpid())

    gevent.spawn(tick)

    def hello(environ):
        return type(gevent.getcurrent()).__name__, len(set(threading.enumerate())) > 1

    def ticking(environ):
        del ticks[:]
        while len(ticks) < 3:
            time.sleep(0.01)
        return set(ticks) == {os.getpid()}

    gates = threading.Semaphore(0)

    def wait(environ):
        environ["wsgi.errors"].write("waiting\\n")
        gates.acquire()
        environ["wsgi.errors"].write("waited\\n")
        return "waited"

    def open(environ):
        for _ in range(int(environ["QUERY_STRING"])):
            gates.release()

    def sleep(environ):
        try:
            environ["wsgi.errors"].write("asleep\\n")
            time.sleep(60)
        except pasted_worker.DeadlineExceeded as error:
            return "caught: %s" % error

    def never(environ):
        environ["wsgi.errors"].write("asleep\\n")
        while True:
            try:
                time.sleep(60)
            except Exception:
                pass

    def program(environ):
        return subprocess.check_output(["echo", "program"]).decode()

    def forked(environ):
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            time.sleep(0.3)  # the loop runs, and would give lanes and control their turns
            os.write(writer, b"child")
            os._exit(3)
        os.close(writer)
        said = os.read(reader, 10).decode()
        return said, os.waitpid(pid, 0)[1] >> 8

    def raises(environ):
        pid = os.fork()
        if not pid:
            raise RuntimeError("in the child")
        return os.waitpid(pid, 0)[1] >> 8
"""


class Case(unittest.TestCase):
    def start(self, mode, source=APP, **load):
        site = pasted.Site(app=source)
        self.addCleanup(site.close)
        process = site.process(mode, [tree("app", "make")], site.directory, **load)
        self.addCleanup(process.end)
        process.hello()
        return process

    def serving(self, lanes=1):
        worker = self.start("worker", lanes=lanes)
        worker.await_(frames.LOADED)
        worker.serve(lanes)
        return worker


class Greenlets(Case):
    def test_lanes_are_greenlets_in_one_thread(self):
        worker = self.serving(lanes=5)
        self.assertEqual(worker.get("/hello").body, b"('Greenlet', True)")
        self.assertEqual(len(os.listdir("/proc/%d/task" % worker.pid)), 1)

    def test_a_thousand_requests_wait_at_once(self):
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 2400:
            self.skipTest("this process may not have as many descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2400), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        worker = self.serving(lanes=1001)
        numbers = [worker.request("/wait", lane=n) for n in range(1000)]
        while len(worker.said) < 1000:
            worker.await_(frames.LOG)
        worker.get("/open", lane=1000, QUERY_STRING="1000")
        while len(worker.said) < 2000:
            worker.await_(frames.LOG)
        for lane, number in enumerate(numbers):
            self.assertEqual(worker.reply(number, lane).body, b"waited")
        for text in ("waiting", "waited"):
            self.assertEqual(sorted(n for _, said, n in worker.said if said == text), numbers)

    def test_ping_is_answered_while_requests_wait(self):
        worker = self.serving(lanes=2)
        number = worker.request("/wait")
        worker.await_log("waiting")
        self.assertEqual(worker.log(), ["waiting"])
        worker.get("/open", lane=1, QUERY_STRING="1")
        self.assertEqual(worker.reply(number).body, b"waited")

    def test_workers_of_a_template_have_loops_of_their_own(self):
        pasted.become_subreaper()
        template = self.start("template")
        template.await_(frames.LOADED)
        for number in (1, 2, 3):
            worker = template.fork(number)
            self.addCleanup(worker.end)
            worker.serve(2)
            self.assertEqual(worker.get("/ticking").body, b"True")
            self.assertEqual(worker.get("/program", lane=1).body, b"program\n")
        worker.drain()
        self.assertEqual(worker.wait(), 0)

    def test_fork_that_fails_is_said(self):
        template = self.start("template", APP + """
    from pasted_worker import birth

    def fork():
        raise OSError(11, "Resource temporarily unavailable")

    usual = birth.greenlets.original
    birth.greenlets.original = lambda module, name: fork if name == "fork" else usual(module, name)
""")
        template.await_(frames.LOADED)
        worker = pasted.Peer()
        template.control.send(frames.FORK, number=1, descriptors=[worker.control.theirs.fileno()])
        worker.control.theirs.close()
        with self.assertRaisesRegex(AssertionError, "temporarily unavailable"):
            template.await_(frames.READY)
        worker.control.close()


class Stopped(Case):
    def test_one_that_waits_is_stopped_alone(self):
        worker = self.serving(lanes=3)
        caught, never, other = [worker.request(path, lane=lane) for lane, path in
                                enumerate(["/sleep", "/never", "/wait"])]
        while len(worker.said) < 3:
            worker.await_(frames.LOG)
        worker.control.send(frames.EXPIRE, number=caught, aux=0)
        self.assertEqual(worker.reply(caught).body[:7], b"caught:")
        worker.control.send(frames.EXPIRE, number=never, aux=1)
        self.assertEqual(worker.reply(never, 1).frames[-1][1] & frames.FLAG_FAILED, frames.FLAG_FAILED)
        self.assertIn("in sleep", "\n".join(worker.log()))
        self.assertEqual(worker.get("/hello").status, "200 OK")
        worker.get("/open", lane=1, QUERY_STRING="1")
        self.assertEqual(worker.reply(other, 2).body, b"waited")

    def test_request_that_has_ended_is_not(self):
        worker = self.serving()
        number = worker.request("/hello")
        worker.reply(number)
        worker.control.send(frames.EXPIRE, number=number, aux=0)
        worker.log()
        self.assertEqual(worker.get("/ticking").body, b"True")


class Forks(Case):
    def test_child_leaves_the_lanes_to_its_worker(self):
        worker = self.serving(lanes=3)
        number = worker.request("/forked")
        # What comes while the child lives is the worker's.
        for _ in range(20):
            self.assertEqual(worker.get("/ticking", lane=1).body, b"True")
        self.assertEqual(worker.reply(number).body, b"('child', 3)")
        self.assertEqual(worker.get("/raises", lane=2).body, b"1")
        self.assertIn("RuntimeError: in the child", worker.output(worker.stderr))
        self.assertEqual(worker.log(), [])


class Missing(Case):
    def test_gevent_that_is_not_there_is_said(self):
        site = pasted.Site(gevent="raise ImportError('no gevent')", app=APP)
        self.addCleanup(site.close)
        worker = site.process("worker", [tree("app", "make")], site.directory, path=[site.directory])
        self.addCleanup(worker.end)
        failed = worker.failed()
        self.assertEqual((failed["stage"], failed["class"], failed["text"]),
                         ("worker_class", "ImportError", "no gevent"))
        self.assertEqual(worker.wait(), 1)


if __name__ == "__main__":
    unittest.main()
