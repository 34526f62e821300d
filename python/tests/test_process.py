"""Whole processes, as Pasted starts and steers them."""

import os
import sys
import unittest

import pasted
from pasted import frames, tree
from processes import APP, Case


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


class Control(Case):
    def test_ping_is_answered_while_requests_run(self):
        worker = self.serving(sources={"app": APP + """
    import time

    def wait(environ):
        gate.wait(60)

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
