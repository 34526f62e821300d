"""Answers what PasteDeploy itself makes of calls.

    python oracle.py EGGS

EGGS is a directory for the front of the path. Each line of stdin is a JSON
object with "dir", the working directory, and "calls", in the form that a case
has them; it is answered by a line of stdout, the list of their results. Nothing
of the library is replaced but a context's object, which notes that it is called,
and what is installed is looked up once.
"""

import functools
import importlib.metadata
import json
import os
import re
import sys

import plaster
from paste.deploy import loadwsgi

KINDS = {"app": loadwsgi.APP, "filter": loadwsgi.FILTER, "server": loadwsgi.SERVER}


def main(eggs):
    sys.dont_write_bytecode = True
    sys.path.insert(0, eggs)
    global apps
    from fakeapp import apps
    loadwsgi.LoaderContext = Context
    loadwsgi.importlib_metadata = Metadata
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the code prints is no answer
    for line in sys.stdin:
        question = json.loads(line)
        os.chdir(question["dir"])
        results = [result_of(call, question["dir"]) for call in question["calls"]]
        answers.write(json.dumps(results) + "\n")
        answers.flush()


def result_of(call, directory):
    fn, uri = call["fn"], call["uri"].replace("@CASE@", directory)
    passed = {k: call[k] for k in ("name", "relative_to", "global_conf") if k in call}
    if "relative_to" in passed:
        passed["relative_to"] = passed["relative_to"].replace("@CASE@", directory)
    try:
        if fn == "parse":
            return parsed(loadwsgi.ConfigLoader(uri).parser)
        if fn == "appconfig":
            conf = loadwsgi.appconfig(uri, **passed)
            return {"config": plain(dict(conf)), "local_conf": plain(conf.local_conf),
                    "global_conf": plain(conf.global_conf)}
        if fn.startswith("plaster."):
            return by_plaster(fn[len("plaster."):], uri, call)
        if fn.startswith("load"):
            kind = fn[4:]
            context = loadwsgi.loadcontext(KINDS[kind], uri, **passed)
        else:
            kind = fn[4:]
            context = getattr(loadwsgi.ConfigLoader(uri), kind + "_context")(**passed)
        return {"context": tree(context), "create": created(kind, context)}
    except BaseException as error:
        return {"error": told(error)}


def by_plaster(method, uri, call):
    """Return what pserve, by way of plaster, sees of a file."""
    loader = plaster.get_loader(uri, protocols=["wsgi"])
    if method == "uri":
        parts = plaster.parse_uri(uri)
        return {"uri": {"scheme": parts.scheme, "path": parts.path, "options": dict(parts.options),
                        "fragment": parts.fragment}}
    if method == "get_sections":
        return {"sections": plain(loader.get_sections())}
    asked = call.get("section" if method == "get_settings" else "name")
    del calls[:]
    got = getattr(loader, method)(asked, call.get("defaults"))
    if method.endswith("settings"):
        return {"settings": plain(dict(got)), "global_conf": plain(getattr(got, "global_conf", None))}
    if method != "get_wsgi_app":
        got = got(apps.App("<probe app>"))
    return {"result": described(got), "calls": list(calls)}


class Metadata:
    """What the library asks importlib.metadata."""

    EntryPoint = importlib.metadata.EntryPoint

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def distribution(name):
        return Distribution(importlib.metadata.distribution(name))


class Distribution:
    def __init__(self, found):
        self.metadata, self.entry_points = found.metadata, found.entry_points


# Contexts.

calls = []


class Context(loadwsgi.LoaderContext):
    def __init__(self, obj, *args, **kw):
        super().__init__(obj, *args, **kw)
        self.factory = None
        if obj is not None:
            self.factory = name_of(obj)
            self.object = Noted(obj, self)


class Noted:
    """Calls a factory and notes it."""

    def __init__(self, target, context):
        self.target, self.context = target, context

    def __call__(*args, **kw):
        self, args = args[0], args[1:]
        calls.append({"factory": self.context.factory, "protocol": self.context.protocol,
                      "args": [argument(arg) for arg in args], "kwargs": plain(kw)})
        return self.target(*args, **kw)


def name_of(obj):
    if isinstance(obj, type(sys)):
        return "module " + obj.__name__
    module, name = getattr(obj, "__module__", None), getattr(obj, "__qualname__", None)
    return "%s:%s" % (module, name) if module and name else "object %r" % (obj,)


def argument(arg):
    if isinstance(arg, loadwsgi._Loader):
        return {"loader": uri_of(arg)}
    if isinstance(arg, dict):
        return {"global_conf": plain(arg)}
    return {"wsgi_app": described(arg)}


def uri_of(loader):
    if isinstance(loader, loadwsgi.ConfigLoader):
        return "config:" + loader.filename
    return ("egg:" if isinstance(loader, loadwsgi.EggLoader) else "call:") + loader.spec


def tree(context):
    out = {"type": context.object_type.name, "protocol": context.protocol, "factory": context.factory}
    if context.entry_point_name is not None:
        out["entry_point_name"] = context.entry_point_name
    out.update(loader=uri_of(context.loader), global_conf=plain(context.global_conf),
               local_conf=plain(context.local_conf))
    if hasattr(context, "app_context"):
        out.update(filters=[tree(c) for c in context.filter_contexts], app=tree(context.app_context))
    if hasattr(context, "filter_context"):
        out.update(filter=tree(context.filter_context), next=tree(context.next_context))
    return out


# What is created.

def created(kind, context):
    del calls[:]
    out = {}
    try:
        made = context.create()
    except BaseException as error:
        return {"error": told(error), "calls": "(endless)" if isinstance(error, RecursionError) else list(calls)}
    try:
        if kind == "app":
            out["result"] = described(made)
            if "composed" in getattr(made, "__qualname__", ""):
                out["broken"] = ("not an application: the inner function `composed(app)` of "
                                 "_FilterWith.invoke, which takes one argument")
                try:
                    out["composed_of_probe"] = described(made(apps.App("<probe app>")))
                except Exception as error:
                    out["composed_of_probe"] = {"error": told(error)}
        else:
            out["result"] = described(made(apps.App("<probe app>")))
            out["result_of"] = kind + " applied to <probe app>"
    except Exception as error:
        out["error"] = told(error)
    out["calls"] = list(calls)
    return out


def described(made):
    kind = type(made)
    if kind is apps.App:
        out = {"app": made.name}
        if made.children is not None:
            out["children"] = [[key, described(child)] for key, child in made.children]
        return out
    if kind is apps.Filtered:
        return {"filter": made.name, "app": described(made.app)}
    if kind is apps.Served:
        return {"served_by": made.name, "app": described(made.app)}
    if kind is apps.Server:
        return {"server": made.name}
    if (kind.__module__, kind.__name__) == ("paste.urlmap", "URLMap"):
        out = {"urlmap": [[list(key), described(app)] for key, app in made.applications]}
        if isinstance(made.not_found_application, apps.App):
            out["not_found_app"] = described(made.not_found_application)
        return out
    if (kind.__module__, kind.__name__) == ("paste.cascade", "Cascade"):
        return {"cascade": [described(app) for app in made.apps], "catch": sorted(made.catch_codes)}
    if kind.__module__.startswith("paste."):
        return {"object": "%s:%s" % (kind.__module__, kind.__qualname__)}
    if callable(made):
        return {"callable": getattr(made, "__qualname__", kind.__name__)}
    return {"object": repr(made)}


# Files by themselves.

def parsed(parser):
    out = {}
    try:
        out["defaults"] = plain(parser.defaults())
    except Exception as error:
        out["defaults"] = {"@error": told(error)}
    out["defaults_raw"] = plain(parser._defaults)
    out["sections"] = [{"name": section, "options": options(parser, section)} for section in parser.sections()]
    return out


def options(parser, section):
    out = {}
    for option, raw in parser._sections[section].items():
        try:
            value = parser.get(section, option)
        except Exception as error:
            out[option] = {"raw": raw, "error": told(error)}
        else:
            out[option] = raw if value == raw else {"raw": raw, "value": value}
    return out


# Values and exceptions.

def plain(value):
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {"@python": type(value).__name__, "repr": unaddressed(repr(value))}


def unaddressed(text):
    return re.sub(" at 0x[0-9a-f]+", "", text)


def told(error):
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__qualname__
    text = "maximum recursion depth exceeded" if isinstance(error, RecursionError) else unaddressed(str(error))
    out = {"class": name, "message": text}
    bases = [base.__name__ for base in kind.__mro__[1:-1] if base.__name__ not in ("Exception", "BaseException")]
    if bases:
        out["bases"] = bases
    return out


if __name__ == "__main__":
    main(sys.argv[1])
