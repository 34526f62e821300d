"""Templates and what is forked from them, and processes that the application forks."""

import marshal
import os
import socket
import time

import pasted
from pasted import frames, tree
from processes import APP, Case


class Templates(Case):
    def template(self, source=APP, **load):
        template = self.site(app=source).template(tree("app", "make"), **load)
        self.addCleanup(template.end)
        template.hello()
        template.await_(frames.LOADED)
        return template

    def worker(self, template, number=1, lanes=1):
        worker = template.fork(number)
        self.addCleanup(worker.end)
        worker.serve(lanes)
        return worker

    def test_workers_are_children_of_the_server_in_groups_of_their_own(self):
        template = self.template()
        for number in (1, 2):
            worker = self.worker(template, number)
            self.assertEqual(worker.get("/parent").body.decode(), str((os.getpid(), True)))
            self.assertEqual(worker.get("/pid").body.decode(), str(worker.pid))
            self.assertEqual(worker.get("/descriptors").body, b"2")

    def test_worker_outlives_its_template(self):
        template = self.template()
        worker = self.worker(template)
        template.control.send(frames.DRAIN)
        self.assertEqual(template.wait(), 0)
        self.assertEqual(worker.get("/hello").body, b"hello")
        worker.drain()
        self.assertEqual(worker.wait(), 0)

    def promoted(self, template):
        """Return a worker that has answered and is the template now."""
        worker = self.worker(template)
        self.assertEqual(worker.get("/hello").body, b"hello")
        for lane in worker.lanes:
            lane.socket.shutdown(socket.SHUT_WR)
        worker.control.send(frames.PROMOTE)
        told = worker.await_(frames.UNSAFE, frames.LOADED)
        if told.kind == frames.UNSAFE:  # gevent's event loop is
            self.assertNotIn("thread", [found["kind"] for found in marshal.loads(told.payload)])
            worker.await_(frames.LOADED)
        return worker

    def test_worker_that_has_become_the_template_has_no_thread_left(self):
        worker = self.promoted(self.template())
        self.assertEqual(len(os.listdir("/proc/%d/task" % worker.pid)), 1)
        with open("/proc/%d/maps" % worker.pid) as maps:
            self.assertEqual([line for line in maps if "(deleted)" in line], [])  # as the board's file is

    def test_worker_of_one_that_has_become_the_template_serves(self):
        worker = self.worker(self.promoted(self.template()), number=2)
        self.assertEqual(worker.get("/hello").body, b"hello")

    def test_worker_that_has_become_the_template_hears_late_words_about_requests(self):
        worker = self.promoted(self.template())
        worker.control.send(frames.CANCEL, number=1)
        worker.control.send(frames.EXPIRE, number=1)
        worker.control.send(frames.DRAIN)
        self.assertEqual(worker.wait(), 0)

    def test_template_leaves_no_zombie(self):
        template = self.template()
        self.worker(template)
        # The one between the template and the worker may be about to end.
        deadline, children = time.monotonic() + 10, None
        while children != [] and time.monotonic() < deadline:
            with open("/proc/%d/task/%d/children" % (template.pid, template.pid)) as f:
                children = f.read().split()
        self.assertEqual(children, [])

    def test_worker_of_another_server_exits(self):
        template = self.template(
            "import pasted_worker.birth\npasted_worker.birth.PATIENCE = 0.1\nmake = lambda global_conf: print",
            server_pid=1)
        worker = pasted.Peer()
        self.addCleanup(worker.end)
        template.control.send(frames.FORK, number=1, descriptors=[worker.control.theirs.fileno()])
        worker.control.theirs.close()
        self.assertIsNone(worker.control.next())

    def test_after_fork_runs_in_each_worker_before_it_serves(self):
        source = APP + """
    import pasted_worker, logging
    log = []

    @pasted_worker.after_fork
    def first():
        logging.getLogger("site").warning("after fork")
        print("after fork", file=sys.stderr)
        log.append(("first", os.getpid()))

    pasted_worker.after_fork(lambda: log.append(("second", os.getpid())))

    def logged(environ):
        return log
"""
        template = self.template(source)
        for number in (1, 2):
            worker = self.worker(template, number)
            want = [("first", worker.pid), ("second", worker.pid)]
            self.assertEqual(worker.get("/logged").body.decode(), str(want))
            self.assertEqual(worker.said, [(30, "site: after fork", 0)])
        alone = self.serving(sources={"app": source})
        want = [("first", alone.pid), ("second", alone.pid)]
        self.assertEqual(alone.get("/logged").body.decode(), str(want))

    def test_after_fork_that_raises_keeps_the_worker_from_serving(self):
        template = self.template(APP + """
    import pasted_worker

    @pasted_worker.after_fork
    def broken():
        raise OSError("no database")
""")
        worker = template.fork(1)
        self.addCleanup(worker.end)
        failed = marshal.loads(worker.await_(frames.FAILED).payload)
        self.assertEqual((failed["stage"], failed["class"], failed["text"]), ("after_fork", "OSError", "no database"))
        self.assertIn("in broken", failed["traceback"])
        self.assertEqual(worker.wait(), 1)
        self.worker_is_gone_but_template_works(template)

    def worker_is_gone_but_template_works(self, template):
        template.control.send(frames.PING, number=5)
        self.assertEqual(template.await_(frames.PONG).number, 5)

    def test_fork_that_fails_is_said(self):
        template = self.template(APP + """
    real_fork, state = os.fork, []

    def fork():
        state.append(1)
        if len(state) == 1 or os.environ.get("BETWEEN"):
            raise OSError(11, "Resource temporarily unavailable")
        os.environ["BETWEEN"] = "1"
        return real_fork()

    os.fork = fork
""")
        for number in (1, 2):  # the first fork fails, then the one within
            worker = pasted.Peer()
            template.control.send(frames.FORK, number=number, descriptors=[worker.control.theirs.fileno()])
            worker.control.theirs.close()
            frame = template.await_(frames.FAILED)
            failed = marshal.loads(frame.payload)
            self.assertEqual((frame.number, failed["stage"], failed["class"]), (number, "fork", "BlockingIOError"))
            self.assertIsNone(worker.control.next())
            worker.control.close()

    def test_descriptors_that_cannot_be_taken_are_said(self):
        template = self.template(APP + """
    import resource

    def limit():
        used = max(int(fd) for fd in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    import pasted_worker
    pasted_worker.after_fork(limit)
""")
        worker = template.fork(1)
        self.addCleanup(worker.end)
        lanes = [pasted.Connection() for _ in range(20)]
        worker.control.send(frames.LANES, aux=20, descriptors=[c.theirs.fileno() for c in lanes])
        failed = marshal.loads(worker.await_(frames.FAILED).payload)
        self.assertEqual((failed["stage"], failed["class"]), ("serve", "OSError"))
        self.assertIn("Too many open files", failed["text"])
        for lane in lanes:
            lane.close()

    def test_template_that_ignores_its_children_forks(self):
        template = self.template(APP + """
    import signal
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
""")
        self.assertEqual(self.worker(template).get("/hello").body, b"hello")

    def test_template_without_standard_streams_forks(self):
        for code in ("sys.stdout = sys.stderr = None", "sys.stdout.close(); sys.stderr.close()"):
            worker = self.worker(self.template(APP + "\n    " + code + "\n"))
            self.assertEqual(worker.get("/hello").body, b"hello")
            worker.drain()
            self.assertEqual(worker.wait(), 0)

    def test_random_numbers_differ(self):
        template = self.template(APP + """
    import random

    def number(environ):
        return random.random()
""")
        numbers = {self.worker(template, n).get("/number").body for n in (1, 2)}
        self.assertEqual(len(numbers), 2)


class Forks(Case):
    """Processes that the application forks by itself."""

    SOURCE = APP + """
    import multiprocessing, signal

    def child(code):
        def forked(environ):
            pid = os.fork()
            if not pid:
                code(environ)
            return os.waitpid(pid, 0)[1]
        return forked

    def quiet(environ):
        environ["wsgi.errors"].write("from the child\\n")
        import logging
        logging.getLogger("child").warning("a record")
        sys.stderr.flush()
        os._exit(0)

    errors = child(quiet)
    exits = child(lambda environ: sys.exit(3))
    raises = child(lambda environ: 1 / 0)
    ends = child(lambda environ: None)
    sockets = child(lambda environ: os._exit(descriptors(environ)))

    def pool(environ):
        context = multiprocessing.get_context("fork")
        with context.Pool(2) as pool:
            return pool.map(abs, [-1, -2, -3])

    def spawned(environ):
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=print, args=("spawned",))
        process.start()
        process.join(20)
        return process.exitcode
"""

    def test_child_does_not_speak_for_its_worker(self):
        worker = self.serving(sources={"app": self.SOURCE})
        for path, want in [("/exits", 3 << 8), ("/raises", 1 << 8), ("/ends", 1 << 8),
                           ("/errors", 0), ("/sockets", 0)]:
            with self.subTest(path):
                self.assertEqual(worker.get(path).body.decode(), str(want))
        self.assertEqual(worker.log(), [])
        stderr = worker.output(worker.stderr)
        self.assertIn("ZeroDivisionError", stderr)
        self.assertIn("from the child\nchild: a record\n", stderr)

    def test_multiprocessing_works(self):
        worker = self.serving(sources={"app": self.SOURCE})
        self.assertEqual(worker.get("/pool").body, b"[1, 2, 3]")
        self.assertEqual(worker.get("/spawned").body, b"0")
        self.assertEqual(worker.log(), [])
