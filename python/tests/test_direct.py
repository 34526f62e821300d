"""What an object is taken for that a file names without its protocol."""

import functools
import types
import unittest

import pasted  # noqa: F401  makes pasted_worker importable
from pasted_worker import direct

CONF = {"here": "/site"}
START = object()


def plain(environ, start_response):
    return ["plain"]


def short(env, start):
    return ["short"]


def unnamed(a, b):
    return ["unnamed"]


def extended(environ, start_response, extra=None):
    return ["extended"]


def loose(function):
    def wrapper(*args, **kw):
        return function(*args, **kw)
    return wrapper


def wrapped(function):
    return functools.wraps(function)(loose(function))


@loose
def application(environ, start_response):
    return ["loose"]


application.__name__ = "application"


@loose
def make_loose(global_conf, **local_conf):
    return made("make_loose", global_conf, local_conf)


@wrapped
def tidy(environ, start_response):
    return ["tidy"]


class Made:
    """An application that tells how it was made."""

    def __init__(self, *how):
        self.how = how

    def __call__(self, environ, start_response):
        return [self.how]


made = Made


class Framework:
    """Like a Flask object: an instance, and its bound method wsgi_app."""

    def __call__(self, environ, start_response):
        return ["framework"]

    def wsgi_app(self, environ, start_response):
        return ["framework"]

    @classmethod
    def make(cls, global_conf, **settings):
        return Made("classmethod", global_conf, settings)

    @staticmethod
    def create():
        return Made("staticmethod")


class Loose:
    def __call__(self, *args, **kw):
        return ["loose instance"]


class Iterated:
    """PEP 3333's class that is an application."""

    def __init__(self, environ, start_response):
        self.environ = environ

    def __iter__(self):
        yield "iterated"


class Built:
    """A class whose instances are applications."""

    def __init__(self, global_conf=None, **options):
        self.how = ("Built", global_conf, options)

    def __call__(self, environ, start_response):
        return [self.how]


class Bare:
    def __call__(self, environ, start_response):
        return ["bare"]


def make_app(global_conf, **local_conf):
    return Made("make_app", global_conf, local_conf)


def main(global_config, title="none"):
    return Made("main", global_config, {"title": title})


def create_app():
    return Made("create_app")


def configured(*, debug="no"):
    return Made("configured", {"debug": debug})


def settings_only(**settings):
    return Made("settings_only", settings)


def composite(loader, global_conf, **local_conf):
    return Made("composite", loader, local_conf)


async def asgi(scope, receive, send):
    pass


class Context:
    loader = "the loader"

    def __init__(self, **local_conf):
        self.global_conf = CONF
        self.local_conf = local_conf


def call(function, args, kw):
    return function(*args, **kw)


class Applications(unittest.TestCase):
    CASES = [
        # object, options, what the application gives
        (plain, {}, "plain"),
        (short, {}, "short"),
        (unnamed, {}, "unnamed"),
        (extended, {}, "extended"),
        (tidy, {}, "tidy"),
        (application, {}, "loose"),
        (Framework(), {}, "framework"),
        (Framework().wsgi_app, {}, "framework"),
        (Loose(), {}, "loose instance"),
        (functools.partial(extended, extra=1), {}, "extended"),
        (functools.partial(lambda x, environ, start_response: [x], "partial"), {}, "partial"),
        (lambda environ, start_response: ["lambda"], {}, "lambda"),
        (Iterated, {}, "iterated"),
        (Built, {}, ("Built", CONF, {})),
        (Built, {"a": "1"}, ("Built", CONF, {"a": "1"})),
        (Bare, {}, "bare"),
        (make_app, {}, ("make_app", CONF, {})),
        (make_app, {"callable": "x", "function": "y"},
         ("make_app", CONF, {"callable": "x", "function": "y"})),
        (make_loose, {}, ("make_loose", CONF, {})),
        (make_loose, {"a": "1"}, ("make_loose", CONF, {"a": "1"})),
        (main, {"title": "t"}, ("main", CONF, {"title": "t"})),
        (create_app, {}, ("create_app",)),
        (configured, {"debug": "yes"}, ("configured", {"debug": "yes"})),
        (settings_only, {"a": "1"}, ("settings_only", {"a": "1"})),
        (Framework.make, {"a": "1"}, ("classmethod", CONF, {"a": "1"})),
        (Framework.create, {}, ("staticmethod",)),
        (functools.partial(make_app, fixed="f"), {"a": "1"}, ("make_app", CONF, {"fixed": "f", "a": "1"})),
        (composite, {"/": "x"}, ("composite", "the loader", {"/": "x"})),
    ]

    def test_taken_for(self):
        for found, options, want in self.CASES:
            with self.subTest(found=found, options=options):
                app = direct.application(found, Context(**options), call)
                self.assertEqual(list(app({}, START)), [want])

    MISTAKES = [
        (plain, {"a": "1"}, "is an application, not a factory, and cannot take the options a"),
        (Framework(), {"b": "1", "a": "1"}, "cannot take the options a, b"),
        (Iterated, {"a": "1"}, "cannot take the options a"),
        (create_app, {"a": "1"}, "unexpected keyword argument 'a'"),
        (main, {"colour": "red"}, "unexpected keyword argument 'colour'"),
        (asgi, {}, "ASGI"),
        ("a string", {}, "not callable"),
        (types.ModuleType("module"), {}, "not callable"),
        (None, {}, "not callable"),
        (lambda a, b, c, d: 1, {}, "required positional"),
    ]

    def test_mistakes(self):
        for found, options, text in self.MISTAKES:
            with self.subTest(found=found):
                with self.assertRaisesRegex(TypeError, text):
                    direct.application(found, Context(**options), call)

    def test_without_a_signature_it_is_the_application(self):
        class Unreadable:
            __signature__ = "none"

            def __call__(self, environ, start_response):
                return ["unreadable"]

        found = Unreadable()
        self.assertIs(direct.application(found, Context(), call), found)
        with self.assertRaisesRegex(TypeError, "cannot take the options a"):
            direct.application(found, Context(a="1"), call)


class Middleware:
    def __init__(self, app, **options):
        self.how = (app, options)

    def __call__(self, environ, start_response):
        return [self.how]


class WithConf(Middleware):
    def __init__(self, app, global_conf, **options):
        super().__init__((app, global_conf), **options)


class WithOptionalConf(Middleware):
    def __init__(self, wsgi_app, config=None):
        super().__init__((wsgi_app, config))


class WithOptionalGlobal(Middleware):
    def __init__(self, application, global_conf=None):
        super().__init__((application, global_conf))


class Odd(Middleware):
    def __init__(self, thing, level="1"):
        super().__init__(thing, level=level)


class Any(Middleware):
    def __init__(self, *args, **kw):
        super().__init__(*args, **kw)


def function(app):
    return Made("function", app)


def function_with_options(inner, level="1"):
    return Made("function", inner, level)


def undecidable(x):
    return Made("undecidable", x)


def filter_app_factory(app, global_conf, **local_conf):
    return Made("filter_app_factory", app, global_conf, local_conf)


def make_filter(global_conf, **local_conf):
    return lambda app: Made("make_filter", app, global_conf, local_conf)


def make_middleware(config, level="1"):
    return lambda app: Made("make_middleware", app, config, level)


def from_keywords(x, **local_conf):
    return lambda app: Made("from_keywords", app, x, local_conf)


def keywords_only(**local_conf):
    return lambda app: Made("keywords_only", app, local_conf)


def no_arguments():
    return lambda app: Made("no_arguments", app)


class Filters(unittest.TestCase):
    CASES = [
        (Middleware, {}, ("inner", {})),
        (Middleware, {"a": "1"}, ("inner", {"a": "1"})),
        (WithConf, {"a": "1"}, (("inner", CONF), {"a": "1"})),
        (WithOptionalConf, {}, (("inner", None), {})),
        (WithOptionalGlobal, {}, (("inner", CONF), {})),
        (Odd, {"level": "9"}, ("inner", {"level": "9"})),
        (Any, {"a": "1"}, ("inner", {"a": "1"})),
        (function, {}, ("function", "inner")),
        (loose(function), {}, ("function", "inner")),
        (wrapped(function), {}, ("function", "inner")),
        (function_with_options, {"level": "2"}, ("function", "inner", "2")),
        (functools.partial(function_with_options, level="3"), {}, ("function", "inner", "3")),
        (undecidable, {}, ("undecidable", "inner")),
        (filter_app_factory, {"a": "1"}, ("filter_app_factory", "inner", CONF, {"a": "1"})),
        (make_filter, {"a": "1"}, ("make_filter", "inner", CONF, {"a": "1"})),
        (make_middleware, {"level": "2"}, ("make_middleware", "inner", CONF, "2")),
        (from_keywords, {"a": "1"}, ("from_keywords", "inner", CONF, {"a": "1"})),
        (keywords_only, {"a": "1"}, ("keywords_only", "inner", {"a": "1"})),
        (no_arguments, {}, ("no_arguments", "inner")),
        (lambda app: Made("lambda", app), {}, ("lambda", "inner")),
    ]

    def test_taken_for(self):
        for found, options, want in self.CASES:
            with self.subTest(found=found, options=options):
                app = direct.filter(found, Context(**options), call)("inner")
                self.assertEqual(app({}, START), [want])

    def test_mistakes(self):
        class Django:
            def __init__(self, get_response):
                pass

        for found, options, text in [
            ("a string", {}, "not callable"),
            (plain, {}, "is an application: want a filter"),
            (Framework(), {}, "is an application: want a filter"),
            (Django, {}, "Django's own middleware"),
            (function, {"a": "1"}, "unexpected keyword argument 'a'"),
            (lambda app: None, {}, "has returned None: want an application"),
            (lambda global_conf: None, {}, "has returned None: want a function of an application"),
        ]:
            with self.subTest(found=found):
                with self.assertRaisesRegex(TypeError, text):
                    direct.filter(found, Context(**options), call)("inner")


if __name__ == "__main__":
    unittest.main()
