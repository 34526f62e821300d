"""Factories whose applications say what they were called with."""
import json


def plain(conf):
    return {k: v for k, v in conf.items() if not k.startswith("e2e_")}


class App:
    def __init__(self, kind, global_conf, local_conf):
        self.called = [kind, plain(global_conf), plain(local_conf)]

    def __call__(self, environ, start_response):
        text = json.dumps({
            "app": self.called, "filters": environ.get("record.filters", []),
            "script_name": environ["SCRIPT_NAME"], "path_info": environ["PATH_INFO"],
        }).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]


class Filter:
    def __init__(self, app, kind, global_conf, local_conf):
        self.app = app
        self.called = [kind, plain(global_conf), plain(local_conf)]

    def __call__(self, environ, start_response):
        environ.setdefault("record.filters", []).append(self.called)
        return self.app(environ, start_response)


def app(global_conf, **local_conf):
    return App("app", global_conf, local_conf)


def other_app(global_conf, **local_conf):
    return App("other_app", global_conf, local_conf)


class Namespace:
    @staticmethod
    def app(global_conf, **local_conf):
        return App("Namespace.app", global_conf, local_conf)


def filter(global_conf, **local_conf):
    return lambda app: Filter(app, "filter", global_conf, local_conf)


def filter_app(app, global_conf, **local_conf):
    return Filter(app, "filter_app", global_conf, local_conf)


def chooser(loader, global_conf, **local_conf):
    """A composite as OpenStack's: its keys name pipelines."""
    made = {}
    for path, words in sorted(local_conf.items()):
        *filters, name = words.split()
        made[path] = loader.get_app(name, global_conf=global_conf)
        for f in reversed(filters):
            made[path] = loader.get_filter(f)(made[path])

    def choose(environ, start_response):
        head, _, rest = environ["PATH_INFO"][1:].partition("/")
        environ["SCRIPT_NAME"] += "/" + head
        environ["PATH_INFO"] = "/" + rest
        return made[head](environ, start_response)

    return choose
