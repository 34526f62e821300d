"""What loaders ask Pasted, and what they make of its answers."""

import configparser
import marshal
import os
import shutil
import sys
import tempfile
import types
import unittest

import test_context
from pasted import tree
from pasted_worker import failure, installed, loader as loaders
from pasted_worker.context import Context
from test_context import Answers, app_tree, calls, filter_tree, filtered_with, pipeline


class Loaders(test_context.Case):
    """What a composite factory is given."""

    def test_children_come_from_pasted(self):
        answers = Answers(blog={"context": app_tree()}, wiki={"context": app_tree()})
        made = tree("noting", "composite", protocol="paste.composite_factory",
                    local_conf={"/": "blog", "/wiki": "wiki"})
        self.assertEqual(Context(made, answers).create(), {"/": "app", "/wiki": "app"})
        self.assertEqual(answers.asked[0], {
            "context": made["id"], "type": "app", "name": "blog", "global_conf": {"here": "/site"}})

    def loader(self, **answers):
        self.answers = Answers(**answers)
        return Context(app_tree(), self.answers).loader

    def test_every_question(self):
        loader = self.loader(
            x={"context": app_tree()}, f={"context": filter_tree("f")}, none={"context": app_tree()},
            s={"context": tree("noting", "server", type="server", protocol="paste.server_factory")})
        self.assertEqual(loader.get_app("x"), "app")
        self.assertEqual(loader.get_app(), "app")
        self.assertEqual(loader.get_app(name="x", global_conf={}), "app")
        self.assertEqual(loader.get_filter("f")("app"), "f(app)")
        self.assertEqual(loader.get_server("s")("app"), "serving app at 1")
        self.assertEqual(loader.app_context("x").object_type.name, "application")
        self.assertEqual(loader.filter_context("f").protocol, "paste.filter_factory")
        self.assertEqual(loader.server_context("s").object_type.name, "server")
        asked = [(q["type"], q["name"], q["global_conf"]) for q in self.answers.asked]
        self.assertEqual(asked, [
            ("app", "x", None), ("app", None, None), ("app", "x", {}), ("filter", "f", None),
            ("server", "s", None), ("app", "x", None), ("filter", "f", None), ("server", "s", None)])

    def test_object_types_of_pastedeploy_are_understood(self):
        loader = self.loader(x={"context": app_tree()})
        loader.get_context(types.SimpleNamespace(name="filter"), "x")
        self.assertEqual(self.answers.asked[0]["type"], "filter")

    def test_attributes_of_a_context(self):
        loader = self.loader(x={"context": app_tree(
            local_conf={"a": "local"}, global_conf={"a": "global", "b": "global"},
            distribution="Dist", entry_point_name="main")})
        found = loader.app_context("x")
        self.assertIs(found.object, sys.modules["noting"].app)
        self.assertEqual(found.entry_point_name, "main")
        self.assertEqual(found.config(), {"a": "local", "b": "global"})
        self.assertEqual(found.config().local_conf, {"a": "local"})
        self.assertIs(found.config().context, found)
        found.local_conf["added"] = "before create"
        found.create()
        self.assertEqual(calls[-1][2], {"a": "local", "added": "before create"})

    def test_contexts_within_contexts(self):
        loader = self.loader(p={"context": pipeline(app_tree(), filter_tree("f"))},
                             w={"context": filtered_with(app_tree(), filter_tree("g"))})
        found = loader.app_context("p")
        self.assertIsNone(found.protocol)
        self.assertEqual(found.app_context.protocol, "paste.app_factory")
        self.assertEqual([c.local_conf for c in found.filter_contexts], [{"name": "f"}])
        self.assertEqual(loader.app_context("w").filter_context.local_conf, {"name": "g"})

    def test_type_is_that_of_pastedeploy_where_the_application_has_it(self):
        loader = self.loader(x={"context": app_tree()}, p={"context": pipeline(app_tree())})
        found = loader.app_context("x")
        self.assertEqual((found.object_type, repr(found.object_type)[:12]), (loaders.APP, "<application"))
        library = types.ModuleType("paste.deploy.loadwsgi")
        library.APP, library.PIPELINE = object(), object()
        sys.modules["paste.deploy.loadwsgi"] = library
        self.addCleanup(sys.modules.pop, "paste.deploy.loadwsgi")
        self.assertIs(found.object_type, library.APP)
        self.assertIs(loader.app_context("p").object_type, library.PIPELINE)
        self.assertEqual(loader.filter_context("x").object_type, library.APP)

    def test_types_that_cannot_be_asked_for(self):
        for odd in (loaders.PIPELINE, None, "pipeline"):
            with self.assertRaisesRegex(TypeError, "want APP, FILTER or SERVER"):
                self.loader().get_context(odd, "x")

    def test_a_type_invokes(self):
        self.assertEqual(loaders.APP.invoke(self.loader(x={"context": app_tree()}).app_context("x")), "app")

    def test_configurations_that_are_shared(self):
        answers = self.loader(w={"context": filtered_with(app_tree(), filter_tree("f"), shares=["next_context.local_conf"])})
        found = answers.app_context("w")
        self.assertIs(found.local_conf, found.next_context.local_conf)
        self.assertIsNot(found.global_conf, found.next_context.global_conf)

    def test_objects_in_global_conf_reach_the_child(self):
        registry = object()
        seen = []

        def answer(question):
            seen.append(question)
            conf = dict(question["global_conf"])
            inner = app_tree(global_conf=conf, local_conf={"got": conf["registry"]})
            return {"context": pipeline(inner, filter_tree("f", global_conf=conf))}

        loader = self.loader(x=answer)
        loader.get_app("x", {"registry": registry, "none": None, "text": "t", "number": 3})
        marshal.dumps(seen[0])
        self.assertTrue(all(isinstance(v, str) for v in seen[0]["global_conf"].values()))
        self.assertEqual(calls[0], ("app", {"registry": registry, "none": None, "text": "t", "number": 3},
                                    {"got": registry}))

    def test_objects_that_are_false_can_be_read_as_defaults(self):
        # Where ConfigParser finds no text to look through, it does not look.
        values = {"zero": 0, "none": None, "list": [], "no": False}
        loader = self.loader(x=lambda question: {"context": app_tree(global_conf=question["global_conf"])})
        loader.get_app("x", dict(values, one=1))
        told = self.answers.asked[0]["global_conf"]
        for name in values:
            self.assertNotIn("%", told[name].replace("%%", ""), name)
        self.assertIn("%", told["one"].replace("%%", ""))
        self.assertEqual(calls[0][1], dict(values, one=1))

    def test_an_object_that_is_named_in_a_value(self):
        def answer(question):
            return {"context": app_tree(local_conf={"got": "a" + question["global_conf"]["list"].replace("%%", "%")},
                                        loader="config:/a.ini")}

        with self.assertRaisesRegex(TypeError, "Error in file /a.ini: sequence item 0: expected str( instance)?, list found"):
            self.loader(x=answer).get_app("x", {"list": []})

    def test_names_that_are_no_text(self):
        with self.assertRaisesRegex(TypeError, "expected string or bytes-like object|can't use a string pattern"):
            self.loader().get_app(3)

    ERRORS = [
        ("LookupError", "No section 'x' found", LookupError),
        ("KeyError", "'missing'", KeyError),
        ("IndexError", "list index out of range", IndexError),
        ("ValueError", "too many values to unpack (expected 2)", ValueError),
        ("AttributeError", "'NoneType' object has no attribute 'group'", AttributeError),
        ("AssertionError", "Protocol None unknown", AssertionError),
        ("TypeError", "name is int: want str or None", TypeError),
        ("RecursionError", "maximum recursion depth exceeded", RecursionError),
        ("FileNotFoundError", "[Errno 2] No such file or directory: '/none/x.ini'", FileNotFoundError),
        ("IsADirectoryError", "[Errno 21] Is a directory: '/tmp'", IsADirectoryError),
        ("PermissionError", "[Errno 13] Permission denied: \"/it's\"", PermissionError),
        ("OSError", "something else", OSError),
        ("UnicodeDecodeError", "'utf-8' codec can't decode byte 0xe9 in position 7: invalid continuation byte",
         UnicodeDecodeError),
        ("configparser.MissingSectionHeaderError", "File contains no section headers.\nfile: 'x', line: 1\n'a'",
         configparser.MissingSectionHeaderError),
        ("configparser.InterpolationSyntaxError", "Error in file x: '%' must be followed by '%' or '('",
         configparser.InterpolationSyntaxError),
        ("configparser.DuplicateOptionError", "While reading from 'x'", configparser.DuplicateOptionError),
        ("ModuleNotFoundError", "No module named 'x'", ModuleNotFoundError),
        ("SystemExit", "x", LookupError),
        ("no.such.Class", "text", LookupError),
        ("open", "text", LookupError),
    ]

    def test_errors_are_those_of_pastedeploy(self):
        for name, text, kind in self.ERRORS:
            with self.subTest(name):
                with self.assertRaises(kind) as caught:
                    self.loader(x={"error": {"class": name, "text": text}}).get_app("x")
                self.assertEqual(str(caught.exception), text)

    def test_distribution_that_is_missing(self):
        answer = {"error": {"class": "importlib.metadata.PackageNotFoundError",
                            "text": "No package metadata was found for A B"}}
        with self.assertRaises(ImportError) as caught:
            self.loader(x=answer).get_app("x")
        self.assertEqual(caught.exception.args, ("A B",))
        if sys.version_info < (3, 8) or sys.version_info >= (3, 10):
            self.assertEqual(str(caught.exception), answer["error"]["text"])

    def test_errors_have_their_attributes(self):
        with self.assertRaises(FileNotFoundError) as caught:
            self.loader(x={"error": {
                "class": "FileNotFoundError", "text": "[Errno 2] No such file or directory: '/x.ini'"}}).get_app("x")
        self.assertEqual((caught.exception.errno, caught.exception.filename), (2, "/x.ini"))
        with self.assertRaises(KeyError) as caught:
            self.loader(x={"error": {"class": "KeyError", "text": "'name'"}}).get_app("x")
        self.assertEqual(caught.exception.args, ("name",))

    # One class each: text as Pasted sends it, and what attributes are read out of it.
    PARTS = [
        ("MissingSectionHeaderError", "File contains no section headers.\nfile: 'x y', line: 12\n'a\\n'",
         {"source": "x y", "lineno": 12, "line": "a\n"}),
        ("DuplicateSectionError", "While reading from 'x' [line  2]: section 'app:main' already exists",
         {"source": "x", "lineno": 2, "section": "app:main"}),
        ("DuplicateOptionError", "While reading from 'x' [line 13]: option 'a' in section \"b'c\" already exists",
         {"source": "x", "lineno": 13, "section": "b'c", "option": "a"}),
        ("ParsingError", "Source contains parsing errors: 'x'\n\t[line  2]: 'b\\n'\n\t[line 33]: 'c'",
         {"source": "x", "errors": [(2, "b\n"), (33, "c")] if sys.version_info >= (3, 13) else [(2, "'b\\n'"), (33, "'c'")]}),
        ("InterpolationMissingOptionError",
         "Error in file x: Bad value substitution: option 'a' in section 'app:b' contains an interpolation key 'c' "
         "which is not a valid option name. Raw value: '%(c)s'",
         {"section": "app:b", "option": "a", "reference": "c"}),
        ("InterpolationDepthError",
         "Error in file x: Recursion limit exceeded in value substitution: option 'a' in section 'b' "
         "contains an interpolation key which cannot be substituted in 10 steps. Raw value: '%(a)s'",
         {"section": "b", "option": "a"}),
        ("InterpolationSyntaxError", "Error in file x: bad interpolation variable reference '%(a'",
         {"section": None, "option": None}),
    ]

    def test_errors_of_the_parser_have_their_attributes(self):
        for name, text, attributes in self.PARTS:
            with self.subTest(name):
                with self.assertRaises(getattr(configparser, name)) as caught:
                    self.loader(x={"error": {"class": "configparser." + name, "text": text}}).get_app("x")
                error = caught.exception
                self.assertEqual((str(error), error.message), (text, text))
                self.assertEqual({k: getattr(error, k) for k in attributes}, attributes)

    def test_traceback_names_file_and_line(self):
        where = "site.ini:14: [composite:main] / = \"x\": want a section [app:x]"
        place = {"section": "composite:main", "file": "site.ini", "line": 14}
        answer = {"error": {"class": "LookupError", "text": "No section 'x'", "message": where, "where": place}}
        with self.assertRaises(LookupError) as caught:
            self.loader(x=answer).get_app("x")
        self.assertEqual(str(caught.exception), "No section 'x'")
        self.assertEqual(failure.describe("load", caught.exception)["where"], place)
        self.assertTrue(failure.traceback_of(caught.exception).endswith("LookupError: No section 'x'\n%s\n" % where))


class Kinds(test_context.Case):
    """Loaders of files, of eggs and of calls."""

    def loader(self, uri, **answers):
        self.answers = Answers(**answers)
        return Context(app_tree(loader=uri), self.answers).loader

    def test_each_has_what_pastedeploys_has(self):
        of_file = self.loader("config:/a b/site.ini")
        self.assertEqual((of_file.filename, hasattr(of_file, "spec")), ("/a b/site.ini", False))
        for uri in ("egg:Dist", "call:a:b"):
            loader = self.loader(uri)
            self.assertEqual(loader.spec, uri.partition(":")[2])
            self.assertFalse(hasattr(loader, "filename") or hasattr(loader, "parser"))

    def test_absolute_names(self):
        loader = self.loader("egg:Dist")
        for name in ("egg:x", "config:", "A:b"):
            self.assertTrue(loader.absolute_name(name))
        for name in ("x", "", None, "config_dir:x", "v2:x", ":x"):
            self.assertFalse(loader.absolute_name(name))

    def test_passed_on_as_it_is_where_no_section_is(self):
        passed = {"object": self}
        for uri, section, kept in (("egg:Dist", "", True), ("call:a:b", "", True), ("config:/x.ini", "app:x", False)):
            def answer(question):
                return {"context": app_tree(loader=uri, section=section, global_conf=dict(question["global_conf"]))}
            found = self.loader("config:/site.ini", x=answer).app_context("x", passed)
            self.assertEqual((found.global_conf is passed, found.global_conf), (kept, passed))

    def test_sections(self):
        loader = self.loader("config:/site.ini", x={"section": "app: x"}, y={"error": {"class": "LookupError", "text": "none"}})
        self.assertEqual(loader.find_config_section(loaders.APP, "x"), "app: x")
        self.assertEqual(self.answers.asked, [{"context": loader._number, "ask": "section", "type": "app", "name": "x"}])
        self.assertRaises(LookupError, loader.find_config_section, loaders.FILTER, name="y")

    def test_entry_points(self):
        answer = {"context": app_tree(loader="egg:Dist", entry_point_name="main", section="")}
        found = self.loader("egg:Dist", main=answer).find_egg_entry_point(loaders.APP)
        self.assertEqual(found, (sys.modules["noting"].app, "paste.app_factory", "main"))

    FILE = {
        "defaults": {"here": "/site", "a": "%(here)s/a", "empty": ""},
        "sections": {"app:main": {"Key": "%(a)s %%", "a": "hidden", "bad": "100%"}, "odd = [x]": {"%": "%(none)s"}, " ": {}},
    }

    def test_parser(self):
        loader = self.loader("config:/site.ini", none=self.FILE)
        self.answers.ask = lambda question: self.answers.asked.append(question) or self.FILE
        parser = loader.parser
        self.assertIs(loader.parser, parser)
        self.assertEqual(self.answers.asked, [{"context": loader._number, "ask": "file"}])
        self.assertEqual(parser.sections(), ["app:main", "odd = [x]", " "])
        self.assertEqual(parser.filename, "/site.ini")
        self.assertEqual(parser.get("app:main", "Key"), "hidden %")
        self.assertEqual(parser.get("app:main", "bad", raw=True), "100%")
        self.assertEqual(list(parser.options("app:main")), ["Key", "a", "bad", "here", "empty"])
        self.assertFalse(parser.has_option("app:main", "key"))
        self.assertEqual(parser.defaults(), {"here": "/site", "a": "/site/a", "empty": ""})
        self.assertRaises(configparser.NoSectionError, parser.get, "none", "x")
        with self.assertRaises(configparser.InterpolationSyntaxError) as caught:
            parser.get("app:main", "bad")
        self.assertEqual(str(caught.exception), "Error in file /site.ini: '%' must be followed by '%' or '(', found: '%'")


class Hidden(test_context.Case):
    """A global_conf with what is not text."""

    def child(self, make, passed):
        """Return the context of a child whose configurations make() makes of what Pasted is told."""
        def answer(question):
            marshal.dumps(question)
            told = question["global_conf"]
            for text in list(told) + list(told.values()):
                text.encode("utf-8")
            return make(told)
        return Context(app_tree(), Answers(x=answer)).loader.app_context("x", passed)

    def test_names_and_values_come_back(self):
        passed = {3: "three", "\udce9": "name", "value": "a\udce9", "none": None, "list": [1], "text": "t", None: None}
        found = self.child(lambda told: {"context": app_tree(global_conf=told)}, passed)
        self.assertEqual(found.global_conf, passed)
        self.assertIs(found.global_conf["list"], passed["list"])

    def test_whatever_a_dict_can_be_made_of(self):
        for passed in ([("a", "b")], types.MappingProxyType({"a": "b"})):
            found = self.child(lambda told: {"context": app_tree(global_conf=told)}, passed)
            self.assertEqual(found.global_conf, {"a": "b"})
        self.assertRaises(TypeError, self.child, None, 3)
        self.assertRaises(TypeError, self.child, None, [3])

    def test_text_that_looks_like_an_object_stays_text(self):
        told_of = []
        self.child(lambda told: told_of.append(told) or {"context": app_tree()}, {"a": self, "b": None})
        passed = dict(told_of[0], c=self, d=None)
        found = self.child(lambda told: {"context": app_tree(global_conf=told)}, passed)
        self.assertEqual(found.global_conf, passed)

    def test_value_read_in_another_file(self):
        def make(told):
            return {"error": {"class": "configparser.InterpolationSyntaxError", "text":
                    "Error in file /x.ini: '%%' must be followed by '%%' or '(', found: %r" % told["a"]}}
        for value, kind, text in ((3, AttributeError, "'int' object has no attribute 'find'"), (b"x", TypeError, "")):
            with self.assertRaisesRegex(kind, "Error in file /x.ini: " + text):
                self.child(make, {"a": value})

    def test_none_is_handed_on_but_not_named(self):
        found = self.child(lambda told: {"context": app_tree(local_conf={"got": told["a"]})}, {"a": None})
        self.assertEqual(found.local_conf, {"got": None})
        for written in "%s", "<%s>":
            def make(told):
                read = told["a"].replace("%%", "%")  # as an interpolation leaves it
                return {"context": app_tree(local_conf={"named": written % read}, loader="config:/x.ini")}
            with self.assertRaisesRegex(TypeError, "Error in file /x.ini: (argument of type )?'NoneType'"):
                self.child(make, {"a": None})

    def test_text_of_no_file_is_named(self):
        found = self.child(lambda told: {"context": app_tree(local_conf={"named": "<%s>" % told["a"]})}, {"a": "\udce9"})
        self.assertEqual(found.local_conf, {"named": "<\udce9>"})

    def test_names_that_no_file_has(self):
        answers = Answers(**{"a\\udce9": {"error": {"class": "LookupError", "text": "none"}}})
        self.assertRaises(LookupError, Context(app_tree(), answers).loader.get_app, "a\udce9")


class Installed(test_context.Case):
    def test_distribution(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        made = os.path.join(directory, "Pasted_Test-1.5.dist-info")
        os.mkdir(made)
        with open(os.path.join(made, "METADATA"), "w") as f:
            f.write("Metadata-Version: 2.1\nName: Pasted_Test\nVersion: 1.5\n")
        sys.path.insert(0, directory)
        self.addCleanup(sys.path.remove, directory)
        context = Context(app_tree(distribution="Pasted_Test"), None)
        if sys.version_info >= (3, 8):
            self.assertEqual(context.distribution.version, "1.5")
        self.assertIsNone(Context(app_tree(), None).distribution)
        self.assertIsNone(installed.distribution("no-such-distribution"))


if __name__ == "__main__":
    unittest.main()
