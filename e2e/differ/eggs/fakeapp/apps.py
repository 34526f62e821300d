"""Factories of every protocol, whose products say how they are composed."""


class App:
    def __init__(self, name, children=None):
        self.name, self.children = name, children


class Filtered:
    def __init__(self, name, app):
        self.name, self.app = name, app


class Server:
    def __init__(self, name):
        self.name = name

    def __call__(self, app):
        return Served(self.name, app)


class Served(Filtered):
    pass


class Holder:
    @staticmethod
    def app(global_conf, **local_conf):
        return App("held")


def app(global_conf, **local_conf):
    return App("app")


def other(global_conf, **local_conf):
    return App("other")


def fixed(global_conf, first, second="2"):
    return App("fixed " + first + second)


def fails(global_conf, **local_conf):
    raise ValueError("no app of " + ", ".join(local_conf))


def all_of(loader, global_conf, **local_conf):
    return App("all", [(key, loader.get_app(value, global_conf=global_conf))
                       for key, value in local_conf.items()])


def deaf(loader, global_conf, **local_conf):
    return App("deaf", [(key, loader.get_app(value)) for key, value in local_conf.items()])


def pipelines(loader, global_conf, **local_conf):
    children = []
    for key, value in local_conf.items():
        names = value.split()
        made = loader.get_app(names[-1])
        for each in reversed([loader.get_filter(name) for name in names[:-1]]):
            made = each(made)
        children.append((key, made))
    return App("pipelines", children)


def filter_of(global_conf, **local_conf):
    return lambda inner: Filtered(local_conf.get("tag", "filter"), inner)


def filtering(inner, global_conf, **local_conf):
    return Filtered(local_conf.get("tag", "filtering"), inner)


def server(global_conf, **local_conf):
    return Server("server")


def runner(served, global_conf, **local_conf):
    return Served("runner", served)


text = "no factory"
