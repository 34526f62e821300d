"""Whole processes, as Pasted starts and steers them."""

import marshal
import os
import signal
import socket
import sys
import time
import unittest

import pasted
from pasted import frames, tree

APP = """
    import os, sys, threading

    def make(global_conf, **local_conf):
        return application

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(globals()[environ["PATH_INFO"][1:] or "hello"](environ)).encode()]

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


class Alone(Case):
    """A worker that loads the application itself."""

    def test_serves_and_drains(self):
        worker = self.serving(lanes=3, sources={"app": APP + """
    import atexit
    atexit.register(print, "exit handler")
"""})
        for lane in range(3):
            self.assertEqual(worker.get("/hello", lane=lane).body, b"hello")
            self.assertEqual(worker.get("/thread", lane=lane).body, b"pasted lane %d" % lane)
        worker.drain()
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(worker.output(worker.stdout), "exit handler\n")
        self.assertEqual(worker.output(worker.stderr), "")

    def test_threads_of_the_lanes_are_told(self):
        worker = self.serving(lanes=3)
        if sys.version_info < (3, 8):
            self.assertEqual(worker.threads, [])
            return
        self.assertEqual(len(set(worker.threads)), 3)
        for number in worker.threads:
            self.assertTrue(os.path.exists("/proc/%d/task/%d" % (worker.pid, number)), number)

    def test_more_lanes_than_one_frame_carries(self):
        worker = self.serving(lanes=frames.MAX_DESCRIPTORS + 6)
        self.assertEqual(worker.get("/hello", lane=69).body, b"hello")

    def test_several_roots(self):
        worker = self.serving(tree("app", "make"), tree("app", "application", style="direct"))
        self.assertEqual(worker.get("/hello", root=0).body, b"hello")
        self.assertEqual(worker.get("/hello", root=1).body, b"hello")

    def test_what_is_sent_before_drain_is_served(self):
        worker = self.serving()
        numbers = [worker.request("/hello") for _ in range(5)]
        worker.drain()
        self.assertEqual([worker.reply(n).body for n in numbers], [b"hello"] * 5)
        self.assertEqual(worker.wait(), 0)

    def test_process_is_clean(self):
        worker = self.serving(path=["/front"])
        self.assertEqual(worker.get("/argv").body, b"['pasted']")
        self.assertEqual(worker.get("/main_names").body, b"['os']")
        path = eval(worker.get("/path").body.decode())
        self.assertEqual(path[0], "/front")
        self.assertNotIn("", path)
        self.assertEqual(path.count(path[-1]), 1)
        self.assertEqual(worker.get("/descriptors").body, b"2")

    def test_path_end_is_not_repeated(self):
        site = self.site()
        with site.alone(tree("app", "make"), path=[site.directory]) as worker:
            worker.hello()
            worker.await_(frames.LOADED)
            worker.serve()
            self.assertEqual(eval(worker.get("/path").body.decode()).count(site.directory), 1)

    def test_end_of_the_control_connection_is_the_end(self):
        for stop in ("loaded", "serving"):
            worker = self.alone() if stop == "loaded" else self.serving()
            worker.control.socket.close()
            self.assertEqual(worker.wait(), 0)

    def test_umask_and_setup(self):
        worker = self.serving(umask=0o27, setup="prepare:settings.configure", sources={"prepare": """
            import types
            done = []
            settings = types.SimpleNamespace(configure=lambda: done.append(1))
        """, "app": APP + """
    import prepare
    assert prepare.done

    def mask(environ):
        return oct(os.umask(0))
"""})
        self.assertEqual(worker.get("/mask").body, b"0o27")

    def test_what_is_printed_is_seen_at_once(self):
        if sys.version_info < (3, 7):
            self.skipTest("this Python cannot change a stream's buffering")
        worker = self.serving(sources={"app": APP + """
    def out(environ):
        print("printed")
"""})
        worker.get("/out")
        self.assertEqual(worker.output(worker.stdout), "printed\n")


class Logging(Case):
    def test_wsgi_errors_and_records_carry_the_request(self):
        worker = self.serving()
        number = worker.request("/say")
        worker.reply(number)
        worker.await_log("three")
        self.assertEqual(worker.said, [
            (30, "one", number), (30, "two and a half", number),
            (30, "site: a record", number), (30, "of two lines", number), (30, "three", number)])

    def test_any_text_can_be_logged(self):
        worker = self.serving(sources={"app": APP + """
    import logging

    def odd(environ):
        errors = environ["wsgi.errors"]
        print("caf\\u00e9 \\udc80", file=errors)
        errors.write("x" * 100000 + "\\n")
        logging.getLogger("a").log(10 ** 9, "level")
        try:
            errors.write(b"bytes")
        except TypeError as error:
            return error
"""})
        self.assertIn(b"want a str", worker.get("/odd").body)
        worker.await_log("a: level")
        texts = [text for _, text, _ in worker.said]
        self.assertEqual(texts[0], "caf\xe9 \\udc80")
        self.assertEqual("".join(texts[1:-1]), "x" * 100000)
        self.assertEqual(worker.said[-1][0], 0xFFFF)

    def test_stream_that_outlives_its_request(self):
        worker = self.serving(sources={"app": APP + """
    kept = []

    def keep(environ):
        kept.append(environ["wsgi.errors"])

    def use(environ):
        kept[0].write("late, unfinished")
"""})
        first = worker.request("/keep")
        worker.reply(first)
        worker.get("/use")
        worker.await_log("late, unfinished")
        self.assertEqual(worker.said, [(30, "late, unfinished", first)])

    def test_threads_log_at_the_same_time(self):
        worker = self.serving(sources={"app": APP + """
    def shout(environ):
        def work(name):
            for _ in range(200):
                print(name * 500, file=environ["wsgi.errors"])
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for t in threads: t.start()
        for t in threads: t.join()
"""})
        number = worker.request("/shout")
        while len(worker.said) < 800:
            worker.await_(frames.LOG)
        worker.reply(number)
        # print() writes a text and its end apart, and so lines may be joined.
        self.assertEqual(sum(len(text) for _, text, _ in worker.said), 4 * 200 * 500)

    def test_file_config_as_pserve_does(self):
        ini = """
            [loggers]
            keys = root
            [handlers]
            keys = file
            [formatters]
            keys = generic
            [logger_root]
            level = INFO
            handlers = file
            [handler_file]
            class = FileHandler
            args = ('%(here)s/%(name)s.log',)
            formatter = generic
            [formatter_generic]
            format = %(levelname)s %(name)s %(message)s
        """
        site = self.site(app=APP + """
    import logging
    logging.getLogger("early").info("loaded")
""")
        path = site.write("site.ini", ini)
        with site.alone(tree("app", "make"), file=path, logging=True, vars={"name": "named"}) as worker:
            worker.hello()
            worker.await_(frames.LOADED)
        with open(os.path.join(site.directory, "named.log")) as f:
            self.assertEqual(f.read(), "INFO early loaded\n")

    def test_variable_wins_over_here(self):
        site = self.site()
        path = site.write("site.ini", """
            [loggers]
            keys = root
            [handlers]
            keys =
            [formatters]
            keys =
            [logger_root]
            level = %(here)s
            handlers =
        """)
        with site.alone(tree("app", "make"), file=path, logging=True, vars={"here": "INFO"}) as worker:
            worker.hello()
            worker.await_(frames.LOADED)


class Failures(Case):
    """What is said of an application that does not load."""

    def test_stages(self):
        for stage, source, load, text in [
            ("load", "1 / 0", {}, "division by zero"),
            ("load", "import not_there", {}, "No module named 'not_there'"),
            ("load", "", {}, "has no attribute 'make'"),
            ("load", "def make(global_conf): raise ValueError('no colour')", {}, "no colour"),
            ("load", "def make(global_conf): return 7", {}, "7, which was built for app:main, is not callable"),
            ("load", "def make(): pass", {}, "make() takes 0 positional arguments but 1 was given"),
            ("setup", "", {"setup": "prepare:configure"}, "No module named 'prepare'"),
            ("logging", "", {"logging": True, "file": "/none/site.ini"}, ""),
            ("load", "import sys; sys.exit(3)", {}, "3"),
            ("load", "raise KeyboardInterrupt", {}, ""),
        ]:
            with self.subTest(stage=stage, source=source):
                failed = self.failing(source, **load)
                self.assertEqual(failed["stage"], stage)
                self.assertIn(text, failed["text"])
                self.assertTrue(failed["traceback"].endswith("\n"))
                self.assertNotIn("<pasted>", failed["traceback"])
                self.assertNotIn("importlib", failed["traceback"])

    def test_cause_is_where_it_began(self):
        site = self.site(app="import middle", middle="import deep", deep="x = 1\nimport not_there\n")
        worker = site.alone(tree("app", "make"))
        self.addCleanup(worker.end)
        worker.hello()
        failed = worker.failed()
        self.assertEqual(failed["class"], "ModuleNotFoundError")
        self.assertEqual(failed["cause"], {
            "file": os.path.join(site.directory, "deep.py"), "line": 2, "text": "import not_there"})
        self.assertEqual(failed["where"], {"section": "app:main", "file": "site.ini", "line": 3})
        self.assertEqual(failed["traceback"].count("File "), 3)

    def test_cause_of_a_chain_is_the_first(self):
        failed = self.failing("""
            try:
                1 / 0
            except ZeroDivisionError as error:
                raise ImportError("wrapped") from error
        """)
        self.assertEqual((failed["class"], failed["cause"]["line"], failed["cause"]["text"]),
                         ("ImportError", 3, "1 / 0"))
        self.assertIn("direct cause", failed["traceback"])

    def test_cause_of_a_syntax_error_is_its_place(self):
        failed = self.failing("x = 1\ndef broken(:\n    pass\n")
        self.assertEqual(failed["class"], "SyntaxError")
        self.assertTrue(failed["cause"]["file"].endswith("/app.py"))
        self.assertEqual((failed["cause"]["line"], failed["cause"]["text"]), (2, "def broken(:"))

    def test_exceptions_that_defy_description(self):
        failed = self.failing("""
            class Odd(Exception):
                __slots__ = ()
                def __str__(self):
                    raise RuntimeError("no text")
            raise Odd
        """)
        self.assertEqual(failed["class"], "app.Odd")
        self.assertIn("RuntimeError", failed["text"])
        failed = self.failing("raise ValueError('\\udc80')")
        self.assertEqual(failed["text"], "\\udc80")

    def test_threads_of_the_application_do_not_hold_a_process_that_failed(self):
        worker = self.site(app="""
            import threading
            threading.Thread(target=threading.Event().wait).start()
            1 / 0
        """).alone(tree("app", "make"))
        self.addCleanup(worker.end)
        worker.hello()
        worker.failed()
        self.assertEqual(worker.wait(), 1)

    def test_module_not_there_has_no_frames_of_pasted(self):
        worker = self.site().alone(tree("missing", "make"))
        self.addCleanup(worker.end)
        worker.hello()
        failed = worker.failed()
        self.assertEqual(failed["traceback"], (
            "Traceback (most recent call last):\nModuleNotFoundError: No module named 'missing'\n"))
        self.assertIsNone(failed["cause"])


class Composites(Case):
    COMPOSITE = APP + """
    def composite(loader, global_conf, **local_conf):
        apps = {key: loader.get_app(name) for key, name in local_conf.items()}

        def choose(environ, start_response):
            if environ["PATH_INFO"] == "/later":
                return loader.get_app("later")(dict(environ, PATH_INFO="/hello"), start_response)
            return apps["one"](environ, start_response)
        return choose

    def parallel(loader, global_conf, **local_conf):
        found = []
        threads = [threading.Thread(target=lambda: found.append(loader.get_app("one"))) for _ in range(8)]
        for t in threads: t.start()
        for t in threads: t.join()
        return found[7]
"""

    def loading(self, attr, **load):
        site = self.site(app=self.COMPOSITE)
        root = tree("app", attr, protocol="paste.composite_factory", local_conf={"one": "one"})
        template = site.template(root, **load)
        self.addCleanup(template.end)
        template.answers = {("app", "one"): {"context": tree("app", "make")},
                            ("app", "later"): {"context": tree("app", "make")}}
        template.hello()
        template.await_(frames.LOADED)
        return template

    def worker(self, template, number=1):
        worker = template.fork(number)
        self.addCleanup(worker.end)
        worker.answers = template.answers
        worker.serve(2)
        return worker

    def test_loader_is_answered_while_loading_and_while_serving(self):
        template = self.loading("composite")
        worker = self.worker(template)
        self.assertEqual(worker.get("/hello").body, b"hello")
        number = worker.request("/later")
        worker.control.socket.settimeout(pasted.PATIENCE)
        worker.await_(frames.RESOLVE)
        self.assertEqual(worker.reply(number).body, b"hello")

    def test_loader_is_answered_after_drain(self):
        worker = self.worker(self.loading("composite"))
        number = worker.request("/later")
        worker.drain()
        worker.await_(frames.RESOLVE)
        self.assertEqual(worker.reply(number).body, b"hello")
        self.assertEqual(worker.wait(), 0)

    def test_loader_answers_threads_that_the_main_thread_waits_for(self):
        self.loading("parallel")

    def test_error_of_a_child(self):
        site = self.site(app=self.COMPOSITE)
        root = tree("app", "composite", protocol="paste.composite_factory", local_conf={"one": "one"})
        with site.alone(root) as worker:
            worker.answers = {("app", "one"): {"error": {"class": "LookupError", "text": "No section 'one'"}}}
            worker.hello()
            failed = worker.failed()
        self.assertEqual((failed["class"], failed["text"]), ("LookupError", "No section 'one'"))
        self.assertEqual(failed["cause"]["text"], "apps = {key: loader.get_app(name) for key, name in local_conf.items()}")


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

    def test_worker_that_has_become_the_template_hears_late_words_about_requests(self):
        worker = self.worker(self.template())
        self.assertEqual(worker.get("/hello").body, b"hello")
        for lane in worker.lanes:
            lane.socket.shutdown(socket.SHUT_WR)
        worker.control.send(frames.PROMOTE)
        worker.await_(frames.LOADED)
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
        if sys.version_info < (3, 7):
            self.skipTest("this Python does not tell of forks")
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


class Control(Case):
    def test_ping_is_answered_while_requests_run(self):
        worker = self.serving(sources={"app": APP + """
    import time

    def wait(environ):
        gate.wait(20)

    def open_gate(environ):
        gate.set()

    gate = threading.Event()
"""}, lanes=2)
        number = worker.request("/wait", lane=0)
        worker.control.send(frames.PING, number=99)
        self.assertEqual(worker.await_(frames.PONG).number, 99)
        worker.get("/open_gate", lane=1)
        worker.reply(number)

    STREAM = APP + """
    def application(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 1000
        finally:
            print("closed", file=environ["wsgi.errors"])
"""

    def test_cancel_stops_a_stream(self):
        for draining in (False, True):
            worker = self.serving(sources={"app": self.STREAM})
            number = worker.request()
            self.assertEqual(worker.lanes[0].next().kind, frames.HEAD_OF_ANSWER)
            if draining:
                worker.drain()
            worker.control.send(frames.CANCEL, number=number, aux=0)
            reply = worker.reply(number)
            self.assertEqual(reply.frames[-1], (frames.END, frames.FLAG_END | frames.FLAG_FAILED))
            worker.await_log("closed")
            if draining:
                self.assertEqual(worker.wait(), 0)

    def test_unexpected_frame_is_said(self):
        worker = self.alone()
        worker.control.send(frames.FORK)
        failed = worker.failed()
        self.assertIn("unexpected frame", failed["text"])


class Signals(Case):
    """SIGINT and SIGTERM, which come to all processes of a terminal or of a service."""

    SOURCE = APP + """
    import multiprocessing, signal, subprocess, time

    def wait(environ):
        environ["wsgi.errors"].write("waiting\\n")
        gate.wait(20)
        return "waited"

    def open_gate(environ):
        gate.set()

    gate = threading.Event()

    def program(environ):
        code = "import os, signal; os.kill(os.getpid(), signal.SIG%s)" % environ["QUERY_STRING"]
        return subprocess.call([sys.executable, "-S", "-c", code], stderr=open(os.devnull, "w"))

    def forked(environ):
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.write(writer, b"there")
                time.sleep(20)
            except KeyboardInterrupt:
                os._exit(130)
            os._exit(0)
        os.read(reader, 5)
        # Again and again: Python 3.13 may lose a signal in a process that a thread has forked.
        done = 0
        while not done:
            os.kill(pid, getattr(signal, "SIG" + environ["QUERY_STRING"]))
            time.sleep(0.01)
            done, status = os.waitpid(pid, os.WNOHANG)
        return os.WTERMSIG(status), os.WEXITSTATUS(status)

    def pool(environ):
        pool = getattr(multiprocessing, "get_context", lambda how: multiprocessing)("fork").Pool(2)
        found = pool.map(abs, [-1, -2])
        pool.terminate()
        pool.join()
        return found
"""

    def test_a_request_outlives_them(self):
        worker = self.serving(sources={"app": self.SOURCE}, lanes=2)
        number = worker.request("/wait")
        worker.await_log("waiting")
        for _ in range(3):
            os.kill(worker.pid, signal.SIGTERM)
            os.kill(worker.pid, signal.SIGINT)
            self.assertEqual(worker.get("/hello", lane=1).body, b"hello")
        worker.get("/open_gate", lane=1)
        self.assertEqual(worker.reply(number).body, b"waited")
        worker.drain()
        self.assertEqual(worker.wait(), 0)

    def test_template_and_its_workers_outlive_them(self):
        template = self.site(app=self.SOURCE).template(tree("app", "make"))
        self.addCleanup(template.end)
        template.hello()
        for number in (1, 2):
            os.kill(template.pid, signal.SIGTERM)
            os.kill(template.pid, signal.SIGINT)
            worker = template.fork(number)
            self.addCleanup(worker.end)
            os.kill(worker.pid, signal.SIGTERM)
            worker.serve()
            os.kill(worker.pid, signal.SIGTERM)
            self.assertEqual(worker.get("/hello").body, b"hello")

    def test_programs_and_processes_that_the_application_starts_end_by_them(self):
        worker = self.serving(sources={"app": self.SOURCE})
        self.assertEqual(worker.get("/program", QUERY_STRING="TERM").body, b"-15")
        self.assertIn(worker.get("/program", QUERY_STRING="INT").body, (b"1", b"-2", b"130"))
        self.assertEqual(worker.get("/forked", QUERY_STRING="TERM").body, b"(15, 0)")
        self.assertEqual(worker.get("/forked", QUERY_STRING="INT").body, b"(0, 130)")
        self.assertEqual(worker.get("/pool").body, b"[1, 2]")
        self.assertEqual(worker.get("/hello").body, b"hello")

    def test_process_that_the_application_forks_while_it_loads_ends_by_them(self):
        self.alone(sources={"app": self.SOURCE + """
    assert forked({"QUERY_STRING": "TERM"}) == (15, 0)
    assert forked({"QUERY_STRING": "INT"}) == (0, 130)
    assert pool({}) == [1, 2]
"""})

    def test_handler_of_the_application_goes_before(self):
        source = self.SOURCE + """
    caught = []
    signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))

    def seen(environ):
        time.sleep(0.001)  # a signal is handled between two steps of the main thread
        return len(caught)
"""
        template = self.site(app=source).template(tree("app", "make"))
        self.addCleanup(template.end)
        template.hello()
        worker = template.fork()
        self.addCleanup(worker.end)
        worker.serve()
        os.kill(worker.pid, signal.SIGTERM)
        while worker.get("/seen").body != b"1":
            pass
        self.assertEqual(worker.get("/forked", QUERY_STRING="INT").body, b"(0, 130)")


class Importer(Case):
    def test_tracebacks_show_lines_of_pasted(self):
        worker = self.serving(sources={"app": APP + """
    def own(environ):
        import traceback
        from pasted_worker import revival
        try:
            revival.revive(None, None)
        except AttributeError:
            return traceback.format_exc()
"""})
        text = worker.get("/own").body.decode()
        self.assertIn('File "<pasted>/pasted_worker/revival.py"', text)
        self.assertIn('module, _, plain = name.rpartition(".")', text)

    def test_package_is_one(self):
        worker = self.serving(sources={"app": APP + """
    def package(environ):
        import importlib, inspect, pasted_worker, pasted_worker.lane
        importlib.reload(pasted_worker.title)
        try:
            import pasted_worker.missing
        except ImportError as error:
            missing = error.name
        return inspect.getsource(pasted_worker.after_fork).count("append"), pasted_worker.__name__, missing
"""})
        self.assertEqual(worker.get("/package").body, b"(1, 'pasted_worker', 'pasted_worker.missing')")

    def test_short_name_has_what_applications_may_use(self):
        worker = self.serving(sources={"app": APP + """
    import pasted, pasted_worker
    calls = []
    pasted.after_fork(lambda: calls.append("called"))

    def short(environ):
        same = [getattr(pasted, name) is getattr(pasted_worker, name) for name in pasted.__all__]
        return calls, bool(same) and all(same)
"""})
        self.assertEqual(worker.get("/short").body, b"(['called'], True)")

    def test_short_name_is_the_applications_own_where_it_has_such_a_module(self):
        worker = self.serving(sources={"pasted": "mine = 'the site'", "app": APP + """
    def own(environ):
        import pasted
        return pasted.mine
"""})
        self.assertEqual(worker.get("/own").body, b"the site")

    def test_folder_of_the_short_name_is_no_module(self):
        worker = self.serving(sources={"pasted/readme": "", "app": APP + """
    def short(environ):
        import pasted
        return pasted.after_fork.__module__
"""})
        self.assertEqual(worker.get("/short").body, b"pasted_worker")


if __name__ == "__main__":
    unittest.main()
