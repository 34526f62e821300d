"""What a process of Python 2.7 does in its own way."""

import logging
import marshal
import unittest

import pasted27  # noqa: F401  before pasted is used
import pasted
from pasted import frames, tree

APP = """
    import json, logging, os

    def make(global_conf, **local_conf):
        return application

    def application(environ, start_response):
        return globals()[environ["PATH_INFO"].split("/")[1]](environ, start_response)

    def types(environ, start_response):
        start_response("200 OK", [])
        return [",".join(sorted(set(type(x).__name__ for pair in environ.items() for x in pair)))]

    def path(environ, start_response):
        start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
        return [repr(environ["PATH_INFO"])]

    def text(environ, start_response):
        start_response(u"200 Fine", [(u"X-Name", u"caf\\xe9"), ("X-Bytes", "\\xff")])
        return [u"plain ", bytearray(b"bytes "), buffer("and "), memoryview("more")]

    def wide(environ, start_response):
        start_response("200 OK", [])
        return [u"\\u20ac"]

    def odd_field(environ, start_response):
        start_response("200 OK", [("X-Name", 3)])
        return []

    def say(environ, start_response):
        errors = environ["wsgi.errors"]
        errors.write(u"caf\\xe9 ")
        errors.write("caf\\xe9\\n")
        errors.writelines(["caf\\xc3\\xa9\\n", "rest"])
        logging.getLogger("site").error(u"\\u20ac")
        start_response("200 OK", [])
        return []
"""


class Case(unittest.TestCase):
    def alone(self, **sources):
        site = pasted.Site(**sources)
        self.addCleanup(site.close)
        worker = site.process("worker", [tree("app", "make")], site.directory)
        self.addCleanup(worker.end)
        worker.hello()
        return worker

    def serving(self, source):
        worker = self.alone(app=source)
        worker.await_(frames.LOADED)
        worker.serve()
        return worker


class Strings(Case):
    def setUp(self):
        self.worker = self.serving(APP)

    def test_native_strings_are_bytes(self):
        names = self.worker.get("/types").body.split(b",")
        self.assertIn(b"str", names)
        self.assertNotIn(b"unicode", names)

    def test_path_is_its_bytes_both_ways(self):
        reply = self.worker.get("/path/\xff")
        self.assertEqual(reply.body, b"'/path/\\xff'")
        self.assertEqual(dict(reply.fields)["X-Path"], "/path/\xff")

    def test_unicode_that_other_servers_take_is_taken(self):
        reply = self.worker.get("/text")
        self.assertEqual(reply.status, "200 Fine")
        self.assertEqual(reply.fields, [("X-Name", "caf\xe9"), ("X-Bytes", "\xff")])
        self.assertEqual(reply.body, b"plain bytes and more")

    def test_other_unicode_is_refused(self):
        self.assertIsNone(self.worker.get("/wide").status)
        self.assertIn("UnicodeEncodeError", self.worker.log()[-1])

    def test_field_of_another_type_is_named(self):
        self.assertIsNone(self.worker.get("/odd_field").status)
        self.assertIn("field's value 3: want a str", self.worker.log()[-1])

    def test_log_is_text(self):
        number = self.worker.request("/say")
        self.worker.reply(number)
        self.worker.await_log("rest")
        self.assertEqual(self.worker.said, [
            (logging.WARNING, "caf\xe9 caf\ufffd", number), (logging.WARNING, "caf\xe9", number),
            (logging.ERROR, "site: \u20ac", number), (logging.WARNING, "rest", number)])


class Failures(Case):
    def failing(self, source):
        worker = self.alone(app=source)
        failed = marshal.loads(worker.await_(frames.FAILED).payload)
        self.assertEqual(worker.wait(), 1)
        return failed

    def test_module_not_there(self):
        failed = self.failing("import missing")
        self.assertEqual((failed["class"], failed["text"]), ("ImportError", "No module named missing"))
        self.assertEqual((failed["cause"]["line"], failed["cause"]["text"]), (1, "import missing"))
        self.assertEqual(failed["where"], {"section": "app:main", "file": "site.ini", "line": 3})
        self.assertTrue(failed["traceback"].startswith(
            'Traceback (most recent call last):\n  File "%s' % failed["cause"]["file"]), failed["traceback"])

    def test_factory_with_other_parameters(self):
        self.assertIn("got ({'here':", self.failing("def make(): pass")["text"])

    def test_old_classes_and_syntax(self):
        self.assertEqual(self.failing("class Old: pass\nraise Old()")["class"], "app.Old")
        failed = self.failing("pass\nprint nothing nothing\n")
        self.assertEqual((failed["class"], failed["cause"]["line"]), ("SyntaxError", 2))

    def test_setup(self):
        site = pasted.Site()
        self.addCleanup(site.close)
        worker = site.process("worker", [tree("app", "make")], site.directory, setup="prepare:run")
        self.addCleanup(worker.end)
        worker.hello()
        self.assertEqual(worker.failed()["stage"], "setup")


class Direct(Case):
    """Objects that a file names without saying what they are."""

    SOURCE = """
    from __future__ import print_function

    def answer(start_response, text):
        start_response("200 OK", [])
        return [text]

    def app(environ, start_response):
        return answer(start_response, "app")

    def factory(global_conf, **local_conf):
        return lambda environ, start_response: answer(start_response, "factory " + local_conf["x"])

    def create_app(x="1"):
        return lambda environ, start_response: answer(start_response, "created " + x)

    class Old:
        def __call__(self, environ, start_response):
            return answer(start_response, "old")

        def method(self, environ, start_response):
            return answer(start_response, "method")

    old = Old()
    method = old.method

    class New(object):
        def __init__(self, global_conf, x):
            self.x = x

        def __call__(self, environ, start_response):
            return answer(start_response, "new " + self.x)
    """

    def test_applications_and_factories(self):
        site = pasted.Site(app=self.SOURCE)
        self.addCleanup(site.close)
        options = {"factory": {"x": "2"}, "create_app": {"x": "3"}, "New": {"x": "4"}}
        names = ["app", "factory", "create_app", "old", "method", "New"]
        roots = [tree("app", name, style="direct", local_conf=options.get(name, {})) for name in names]
        worker = site.process("worker", roots, site.directory)
        self.addCleanup(worker.end)
        worker.hello()
        worker.await_(frames.LOADED)
        worker.serve()
        self.assertEqual([worker.get(root=n).body for n in range(len(roots))],
                         [b"app", b"factory 2", b"created 3", b"old", b"method", b"new 4"])


class Probes(Case):
    def ask(self, **question):
        site = pasted.Site(things="class A(object): pass\ndef f(): pass\nclass Bad(KeyError): pass\n")
        self.addCleanup(site.close)
        probe = site.process("probe", [], site.directory)
        self.addCleanup(probe.end)
        probe.hello()
        probe.await_(frames.LOADED)
        probe.control.say(frames.PROBE, question, number=4)
        frame = probe.await_(frames.FOUND)
        self.assertEqual(frame.number, 4)
        return marshal.loads(frame.payload)

    def named(self, attr):
        return {"style": "factory", "module": "things", "attr": attr}

    def test_import(self):
        self.assertEqual(self.ask(do="import", object=self.named("f")), {"spec": "things:f"})
        self.assertEqual(self.ask(do="import", object=self.named("")), {"spec": "module things"})

    def test_what_is_raised(self):
        told = self.ask(do="import", object=self.named("g"))["error"]
        self.assertEqual((told["class"], told["bases"]), ("AttributeError", ["StandardError"]))

    def test_creating_is_refused(self):
        told = self.ask(do="create", kind="app", context=tree("things", "f"))["error"]
        self.assertEqual(told["class"], "NotImplementedError")


if __name__ == "__main__":
    unittest.main()
