"""What is built of the contexts that Pasted has resolved, and in which order."""

import sys
import types
import unittest

import pasted
from pasted import tree
from pasted_worker import context as contexts
from pasted_worker.context import Context

calls = []


def factories():
    """Return a module of factories that note their calls."""
    module = types.ModuleType("noting")

    def app(global_conf, **local_conf):
        calls.append(("app", global_conf, local_conf))
        return "app"

    def composite(loader, global_conf, **local_conf):
        calls.append("composite")
        return {key: loader.get_app(name, global_conf) for key, name in sorted(local_conf.items())}

    def filter(global_conf, name="filter"):
        calls.append(name)
        return lambda app: calls.append("wrap " + name) or "%s(%s)" % (name, app)

    def filter_app(app, global_conf, name="filter_app"):
        calls.append("wrap " + name)
        return "%s(%s)" % (name, app)

    def server(global_conf, port="1"):
        return lambda app: "serving %s at %s" % (app, port)

    def runner(app, global_conf, port="1"):
        return "serving %s at %s" % (app, port)

    def strict(global_conf, first, second="2"):
        return first

    def raising(global_conf):
        raise TypeError("positional arguments of another call")

    for function in (app, composite, filter, filter_app, server, runner, strict, raising):
        setattr(module, function.__name__, function)
    module.Class = types.SimpleNamespace(method=app)
    setattr(module, "dotted.name", app)
    return module


class Answers:
    """Answers a loader's questions from a dict."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    def ask(self, question):
        self.asked.append(question)
        answer = self.answers[question["name"] or "none"]
        return answer(question) if callable(answer) else answer


def app_tree(**more):
    return tree("noting", "app", **more)


def filter_tree(name, protocol="paste.filter_factory", **more):
    attr = "filter" if protocol == "paste.filter_factory" else "filter_app"
    return tree("noting", attr, type="filter", protocol=protocol, local_conf={"name": name}, **more)


def pipeline(app, *filters):
    return tree("", "", type="pipeline", protocol="", object=None, app=app, filters=list(filters))


def filter_app(next, filter):
    return tree("", "", type="filter_app", protocol="", object=None, next=next, filter=filter)


def filtered_with(next, filter, **more):
    return tree("", "", type="filtered_with", protocol="", object=None, next=next, filter=filter, **more)


class Case(unittest.TestCase):
    def setUp(self):
        del calls[:]
        sys.modules["noting"] = factories()
        self.addCleanup(sys.modules.pop, "noting")

    def create(self, made, **answers):
        return Context(made, Answers(**answers)).create()


class Create(Case):
    """create() does what PasteDeploy's does."""

    def test_app_factory(self):
        made = app_tree(local_conf={"a": "1", "class": "x", "/x": "y"})
        self.assertEqual(self.create(made), "app")
        self.assertEqual(calls, [("app", {"here": "/site"}, {"a": "1", "class": "x", "/x": "y"})])

    def test_pipeline_builds_app_then_filters_and_wraps_from_the_right(self):
        made = pipeline(app_tree(), filter_tree("f"), filter_tree("g", "paste.filter_app_factory"), filter_tree("h"))
        self.assertEqual(self.create(made), "f(g(h(app)))")
        self.assertEqual([c if isinstance(c, str) else c[0] for c in calls],
                         ["app", "f", "h", "wrap h", "wrap g", "wrap f"])

    def test_filter_app_builds_next_first(self):
        self.assertEqual(self.create(filter_app(app_tree(), filter_tree("f"))), "f(app)")
        self.assertEqual([c if isinstance(c, str) else c[0] for c in calls], ["app", "f", "wrap f"])

    def test_filtered_with_builds_the_filter_first(self):
        self.assertEqual(self.create(filtered_with(app_tree(), filter_tree("f"))), "f(app)")
        self.assertEqual([c if isinstance(c, str) else c[0] for c in calls], ["f", "app", "wrap f"])

    def test_filter_of_a_filter_goes_outside(self):
        made = filtered_with(filter_tree("inner"), filter_tree("outer"))
        self.assertEqual(self.create(made)("app"), "outer(inner(app))")

    def test_filter_of_a_pipeline_is_no_application(self):
        # PasteDeploy's bug, kept: it is decided by the type of what is wrapped.
        for wrapped in (pipeline(app_tree()), filtered_with(app_tree(), filter_tree("g"))):
            made = self.create(filtered_with(wrapped, filter_tree("f")))
            self.assertTrue(callable(made))
            self.assertRaises(TypeError, made, {}, None)

    def test_servers(self):
        made = tree("noting", "server", type="server", protocol="paste.server_factory", local_conf={"port": "9"})
        self.assertEqual(self.create(made)("app"), "serving app at 9")
        made = tree("noting", "runner", type="server", protocol="paste.server_runner", local_conf={"port": "9"})
        self.assertEqual(self.create(made)("app"), "serving app at 9")

    def test_unknown_protocols(self):
        for kind in ("application", "filter", "server"):
            for protocol, text in (("", "Protocol None unknown"), ("paste.x_factory", "'paste.x_factory' unknown")):
                with self.assertRaisesRegex(AssertionError, text):
                    self.create(tree("noting", "app", type=kind, protocol=protocol))

    def test_styles_of_names(self):
        for style, attr in [("entry_point", "Class.method"), ("factory", "Class.method"),
                            ("call", "app"), ("call", "dotted.name"), ("direct", "Class.method")]:
            self.assertEqual(self.create(tree("noting", attr, style=style)), "app")
        with self.assertRaises(AttributeError):
            Context(tree("noting", "Class.method", style="call"), None)
        self.assertIs(Context(tree("noting", "", style="entry_point"), None).object, sys.modules["noting"])

    def test_everything_is_imported_before_anything_is_called(self):
        with self.assertRaises(AttributeError):
            self.create(pipeline(app_tree(), tree("noting", "missing", type="filter")))
        self.assertEqual(calls, [])

    def test_import_order_is_that_of_resolving(self):
        order = []

        class Module(types.ModuleType):
            def __getattr__(self, name):
                if not name.startswith("__"):
                    order.append(name)
                return lambda *args, **kw: None

        sys.modules["noting"] = Module("noting")
        made = pipeline(
            tree("noting", "app"),
            filtered_with(tree("noting", "one", type="filter"), tree("noting", "over_one", type="filter")),
            tree("noting", "two", type="filter"))
        Context(made, None)
        Context(filter_app(tree("noting", "next"), tree("noting", "of_next", type="filter")), None)
        self.assertEqual(order, ["app", "one", "over_one", "two", "next", "of_next"])


class Arguments(Case):
    """A TypeError about arguments says what was given and wanted."""

    def text(self, made):
        with self.assertRaises(TypeError) as caught:
            self.create(made)
        return str(caught.exception)

    def test_missing_and_unknown(self):
        self.assertRegex(
            self.text(tree("noting", "strict", local_conf={"third": "3"})),
            r"unexpected keyword argument 'third'$")
        self.assertRegex(
            self.text(tree("noting", "strict", global_conf={})),
            r"strict\(\) missing 1 required positional argument: 'first'$")
        self.assertRegex(
            self.text(tree("noting", "raising")),
            r"^positional arguments of another call; got \(\{'here':...te'\}\), wanted \(global_conf\)$")

    def test_given_and_wanted(self):
        def two(global_conf, first, second):
            pass

        sys.modules["noting"].two = two
        text = self.text(tree("noting", "two", global_conf={"here": "/a/long/path"}))
        self.assertRegex(text, r"missing 2 required positional arguments: 'first' and 'second'; "
                               r"got \(\{'here':...th'\}\), wanted \(global_conf, first, second\)$")

    def test_text_is_added_once(self):
        sys.modules["noting"].outer = lambda global_conf: contexts.fix_call(sys.modules["noting"].raising, global_conf)
        self.assertEqual(self.text(tree("noting", "outer")).count("; got"), 1)

    def test_option_callable_clashes_as_in_pastedeploy(self):
        text = self.text(tree("noting", "app", local_conf={"callable": "x"}))
        self.assertEqual(text, "fix_call() got multiple values for argument 'callable'")
        self.assertEqual(self.create(tree("noting", "app", local_conf={"function": "x"})), "app")

    def test_section_is_noted_the_innermost(self):
        inner = tree("noting", "raising", section="app:inner", line=9)
        for made in (inner, pipeline(inner)):
            with self.assertRaises(TypeError) as caught:
                self.create(made)
            self.assertEqual(caught.exception.pasted_section["section"], "app:inner")


if __name__ == "__main__":
    unittest.main()
