"""What a probe says of objects and creations; its modules in the place of Paste's."""

import collections
import json
import sys
import types
import unittest

import pasted  # noqa: F401: it puts pasted_worker on the path

from pasted_worker import record, revival, standin_cascade, standin_config, standin_urlmap

MODULE = types.ModuleType("probe_test_module")
sys.modules[MODULE.__name__] = MODULE
exec('''
import os

def make(global_conf, **local_conf):
    return application

def application(environ, start_response):
    return []

def needs(global_conf, first, second):
    pass

def ends(global_conf):
    raise SystemExit(3)

def wrap(app, global_conf):
    return Wrapped()

class Wrapped:
    def __call__(self, environ, start_response):
        pass

def odd(global_conf):
    return object()

def children(loader, global_conf, **local_conf):
    return [loader.get_app(name) for name in local_conf.values()]
''', vars(MODULE))


def tree(attr, protocol="paste.app_factory", kind="application", local=(), style="factory", **more):
    node = {
        "id": 1, "type": kind, "protocol": protocol, "loader": "config:/srv/site.ini",
        "object": attr and {"style": style, "module": MODULE.__name__, "attr": attr},
        "global_conf": {"here": "/srv"}, "local_conf": collections.OrderedDict(local),
        "section": "app:main", "file": "/srv/site.ini", "line": 1,
    }
    node.update(more)
    return node


class Answers:
    """An asker that has one answer."""

    def __init__(self, answer=None):
        self.answer = answer

    def ask(self, question):
        return self.answer


def create(node, kind="app", answer=None):
    creation = record.create(kind, node, Answers(answer))
    return json.loads(json.dumps(creation), object_pairs_hook=collections.OrderedDict)


class Creations(unittest.TestCase):

    def test_calls_are_noted_in_their_order(self):
        got = create(tree("children", "paste.composite_factory", local=[("b", "x"), ("a", "y")]),
                     answer={"context": tree("make", local=[("z", "1"), ("y", "2")])})
        self.assertEqual(
            [call["factory"].rpartition(":")[2] for call in got["calls"]], ["children", "make", "make"])
        first, second, _ = got["calls"]
        self.assertEqual([list(arg) for arg in first["args"]], [["loader"], ["global_conf"]])
        self.assertEqual(first["args"][0]["loader"], "config:/srv/site.ini")
        self.assertEqual(list(first["kwargs"]), ["b", "a"])
        self.assertEqual(list(second["kwargs"].items()), [("z", "1"), ("y", "2")])

    def test_an_option_may_be_called_self(self):
        got = create(tree("make", local=[("self", "1"), ("args", "2")]))
        self.assertEqual(got["result"], {"callable": "application"})

    def test_a_type_error_names_the_factory_s_own_parameters(self):
        message = create(tree("needs"))["error"]["message"]
        self.assertTrue(message.endswith("got ({'here':...rv'}), wanted (global_conf, first, second)"), message)

    def test_what_a_factory_raises_is_the_error_exits_too(self):
        got = create(tree("ends"))
        self.assertEqual(got["error"], {"class": "SystemExit", "message": "3"})
        self.assertEqual(len(got["calls"]), 1)

    def test_a_filter_app_is_called_when_it_is_applied(self):
        got = create(tree("wrap", "paste.filter_app_factory", "filter"), "filter")
        self.assertEqual(got["result"], {"callable": "Wrapped"})
        self.assertEqual(got["calls"][0]["args"][0], {"wsgi_app": {"app": "<probe app>"}})

    def test_addresses_are_left_out_of_errors(self):
        got = create(tree("odd", "paste.filter_factory", "filter"), "filter")
        self.assertEqual(got["error"]["message"], "'object' object is not callable")
        self.assertNotIn("0x", json.dumps(record.error_of(ValueError("<object at 0x7f00>"))))

    def test_a_filtered_pipeline_is_a_function_as_pastedeploy_has_it(self):
        node = tree(None, "", "filtered_with", filter=tree("wrap", "paste.filter_app_factory", "filter"),
                    next=tree(None, "", "pipeline", filters=[], app=tree("make")))
        got = create(node)
        self.assertEqual(got["result"], {"callable": "_FilterWith.invoke.<locals>.composed"})
        self.assertIn("broken", got)
        self.assertIn("error", got["composed_of_probe"])

    def test_an_endless_creation_has_no_list_of_calls(self):
        answer = {"error": {"class": "RecursionError", "text": "maximum recursion depth exceeded"}}
        got = create(tree("children", "paste.composite_factory", local=[("x", "main")]), answer=answer)
        self.assertEqual(got["calls"], "(endless)")
        self.assertEqual(got["error"]["bases"], ["RuntimeError"])

    def test_objects_named_directly_are_noted(self):
        got = create(tree("make", style="direct"))
        self.assertEqual([call["factory"] for call in got["calls"]], [MODULE.__name__ + ":make"])


class Descriptions(unittest.TestCase):

    def test_what_objects_are_called(self):
        for found, want in (
                (MODULE.make, "probe_test_module:make"), (MODULE.Wrapped, "probe_test_module:Wrapped"),
                (MODULE, "module probe_test_module"), ("text", "object 'text'")):
            self.assertEqual(record.spec_of(found), want)

    def test_values_that_json_lacks_are_described(self):
        got = record.plain({"a": [1, None, (2.5, True)], 3: {"b": MODULE}})
        self.assertEqual(got["a"], [1, None, [2.5, True]])
        self.assertEqual(got["3"]["b"]["@python"], "module")

    def test_bases_are_those_of_python(self):
        self.assertEqual(record.raised("import", FileNotFoundError())["bases"], ["OSError"])
        self.assertEqual(record.raised("import", ValueError())["bases"], [])

    def test_a_missing_distribution_keeps_its_name(self):
        text = "No package metadata was found for  a b"
        error = revival.revive("importlib.metadata.PackageNotFoundError", text)
        self.assertIsInstance(error, ImportError)
        if sys.version_info >= (3, 8):
            self.assertEqual(error.args, (" a b",))


class Loader:
    """Gives names for applications."""

    def get_app(self, name, global_conf=None):
        if name == "missing":
            raise LookupError(name)
        return name


class StandIns(unittest.TestCase):

    def urlmap(self, *options, **global_conf):
        return standin_urlmap.urlmap_factory(Loader(), global_conf, **collections.OrderedDict(options))

    def test_urlmap_sorts_and_normalises(self):
        made = self.urlmap(("/", "root"), ("//a//", "a"), ("/a/b", "ab"), ("domain d port 1 /x", "x"), ("/a/", "again"))
        self.assertEqual(made.applications, [
            (("d:1", "/x"), "x"), ((None, "/a/b"), "ab"), ((None, "/a"), "again"), ((None, ""), "root")])

    def test_urlmap_refuses_keys_as_paste_does(self):
        for key, want in (
                ("domain", "'domain' must be followed with a domain name"),
                ("domain x port", "'port' must be followed with a port number"),
                ("domain a domain b", "'domain' given twice"),
                ("port 1", "If you give a port, you must also give a domain"),
                ("/a /b", "more than one path given (have '/a', got '/b')")):
            with self.assertRaises(ValueError) as raised:
                self.urlmap((key, "a"))
            self.assertEqual(str(raised.exception), want)
        with self.assertRaises(AssertionError):
            self.urlmap(("a", "a"))

    def test_an_application_is_loaded_before_its_key_is_mounted(self):
        with self.assertRaises(LookupError):
            self.urlmap(("noslash", "missing"))

    def test_urlmap_s_page_is_an_option_or_a_global(self):
        self.assertEqual(self.urlmap(("not_found_app", "a")).not_found_application, "a")
        self.assertEqual(self.urlmap(not_found_app="b").not_found_application, "b")

    def test_cascade_orders_its_applications_by_their_keys(self):
        made = standin_cascade.make_cascade(Loader(), {}, catch="500 404", app2="b", app10="a")
        self.assertEqual((made.apps, made.catch_codes), (["a", "b"], [404, 500]))
        with self.assertRaises(ValueError):
            standin_cascade.make_cascade(Loader(), {}, other="a")
        with self.assertRaises(KeyError):
            standin_cascade.make_cascade(Loader(), {}, catch="299")

    def test_prefix_reads_its_options(self):
        standin_config.make_prefix_middleware(None, {}, prefix="/a", translate_forwarded_server="No")
        with self.assertRaises(ValueError):
            standin_config.make_prefix_middleware(None, {}, translate_forwarded_server="2")


if __name__ == "__main__":
    unittest.main()
