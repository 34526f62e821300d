"""Which files a process says that the application is made of."""

import marshal
import os
import unittest

import pasted
from pasted import frames, tree

APP = """
    import json, parts, strange

    def make(global_conf, **local_conf):
        def application(environ, start_response):
            if environ["PATH_INFO"] == "/later":
                import later
            start_response("200 OK", [])
            return [b"done"]
        return application
"""

STRANGE = """
    import sys

    class Lazy(type(sys)):
        def __getattr__(self, name):
            raise RuntimeError("touched")

    sys.modules["lazy"] = Lazy("lazy")
    sys.modules["slotted"] = object()
    sys.modules["nothing"] = None
    sys.modules["numbered"] = type(sys)("numbered")
    sys.modules["numbered"].__file__ = 5
    sys.modules["again"] = sys.modules[__name__]
"""


class Files(unittest.TestCase):
    def setUp(self):
        pasted.become_subreaper()
        self.site = pasted.Site(app=APP, parts="", strange=STRANGE, later="")
        self.addCleanup(self.site.close)

    def start(self, mode="alone", watch=()):
        started = getattr(self.site, mode)(tree("app", "make"), watch=list(watch))
        self.addCleanup(started.end)
        started.hello()
        return started

    def told(self, process):
        """Return the next Imported frame's files, relative to the site."""
        names = marshal.loads(process.await_(frames.IMPORTED).payload)
        for name in names:
            self.assertTrue(os.path.isabs(name), name)
        return sorted(os.path.relpath(name, self.site.directory) for name in names)

    def test_modules_at_load_and_later(self):
        worker = self.start()
        self.assertEqual(self.told(worker), ["app.py", "parts.py", "strange.py"])
        worker.await_(frames.LOADED)
        worker.serve()
        worker.control.send(frames.FILES)
        worker.control.send(frames.PING)
        self.assertEqual(worker.await_(frames.IMPORTED, frames.PONG).kind, frames.PONG, "there is nothing to tell")
        worker.get("/later")
        worker.control.send(frames.FILES)
        self.assertEqual(self.told(worker), ["later.py"])
        self.assertFalse(os.path.exists(os.path.join(self.site.directory, "__pycache__")))

    def test_forked_workers_tell_what_the_template_has_not(self):
        template = self.start("template")
        self.told(template)
        template.await_(frames.LOADED)
        template.control.send(frames.FILES)
        worker = template.fork()
        self.addCleanup(worker.end)
        worker.serve()
        worker.get("/later")
        worker.control.send(frames.FILES)
        self.assertEqual(self.told(worker), ["later.py"])
        worker.drain()
        self.assertEqual(worker.wait(), 0)

    def test_nobody_is_told_who_does_not_watch(self):
        worker = self.site.alone(tree("app", "make"))
        self.addCleanup(worker.end)
        worker.hello()
        self.assertEqual(worker.control.next().kind, frames.LOADED)

    def test_assets(self):
        self.site.write("pack/__init__.py", "raise SystemExit('not to be imported')")
        self.site.write("space/file.txt", "")
        worker = self.start(watch=["pack:data/*.pt", "space:x", "lost:x", "json:x.txt"])
        self.assertEqual(
            self.told(worker), ["app.py", "pack/data/*.pt", "parts.py", "space/x", "strange.py"])
        [warning] = [text for _, text, _ in worker.said]
        self.assertIn("[pserve] watch_files: lost:x: the package lost cannot be found", warning)

    def test_hupper_is_stood_in_for(self):
        self.site.write("hupper/__init__.py", """
            from .worker import get_reloader, is_active""")
        self.site.write("hupper/worker.py", """
            _reloader_proxy = None

            def is_active():
                return _reloader_proxy is not None

            def get_reloader():
                return _reloader_proxy""")
        self.site.write("parts.py", """
            import hupper, pathlib
            assert hupper.is_active()
            hupper.get_reloader().watch_files(["api.yaml", pathlib.Path("/abs/*.pt")])""")
        self.site.write("later.py", """
            import hupper
            hupper.get_reloader().watch_files(["late.yaml"])""")
        template = self.start("template")
        self.assertEqual(self.told(template)[1:], ["api.yaml"])
        self.assertIn("hupper/worker.py", self.told(template))
        template.await_(frames.LOADED)
        worker = template.fork()
        self.addCleanup(worker.end)
        worker.serve()
        worker.get("/later")
        self.assertEqual(self.told(worker), ["late.yaml"])

    def test_hupper_is_left_alone_where_nobody_watches(self):
        self.site.write("hupper/__init__.py", "")
        self.site.write("hupper/worker.py", "_reloader_proxy = None")
        self.site.write("parts.py", """
            import sys
            assert "hupper" not in sys.modules""")
        worker = self.site.alone(tree("app", "make"))
        self.addCleanup(worker.end)
        worker.hello()
        worker.await_(frames.LOADED)

    def failed(self, **sources):
        """Return the files that are told where the application does not load."""
        for name, source in sources.items():
            self.site.write(name + ".py", source)
        process = self.start()
        return self.told(process), process.failed()["class"]

    def test_a_module_with_a_syntax_error(self):
        self.assertEqual(self.failed(parts="x ="), (["app.py", "parts.py"], "SyntaxError"))

    def test_a_module_that_raises(self):
        files, error = self.failed(parts="import deeper", deeper="1/0")
        self.assertEqual((files, error), (["app.py", "deeper.py", "parts.py"], "ZeroDivisionError"))

    def test_the_first_of_two_errors(self):
        files, error = self.failed(parts="""
            try:
                import deeper
            except ZeroDivisionError as first:
                raise ValueError() from first""", deeper="1/0")
        self.assertEqual((files, error), (["app.py", "deeper.py", "parts.py"], "ValueError"))

    def test_a_module_that_is_missing(self):
        files, _ = self.failed(parts="import lost.one")
        for name in ["app.py", "parts.py", "lost.py", "lost/__init__.py"]:
            self.assertIn(name, files)
        installed = [name for name in files if "site-packages" in name or "dist-packages" in name]
        self.assertEqual({os.path.basename(name) for name in installed}, {"lost.py", "__init__.py"})

    def test_a_module_that_is_missing_in_a_package(self):
        files, _ = self.failed(**{"parts": "import pack.lost", "pack/__init__": ""})
        self.assertEqual(
            files, ["app.py", "pack/__init__.py", "pack/lost.py", "pack/lost/__init__.py", "parts.py"])

    def test_a_name_that_a_module_lacks(self):
        files, _ = self.failed(app="from parts import nothing")
        self.assertIn("parts.py", files)


if __name__ == "__main__":
    unittest.main()
