"""Stands for paste.cascade: which applications are tried in turn."""

# The status codes that paste.httpexceptions has an exception for.
_CODES = frozenset([
    300, 301, 302, 303, 304, 305, 307,
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 429,
    500, 501, 502, 503, 504, 505])


def make_cascade(loader, global_conf, catch="404", **local_conf):
    apps = []
    for name, value in local_conf.items():
        if not name.startswith("app"):
            raise ValueError("Bad configuration key %r (=%r); all configuration keys "
                             "must start with 'app'" % (name, value))
        apps.append((name, loader.get_app(value, global_conf=global_conf)))
    apps.sort(key=lambda pair: pair[0])
    return Cascade([app for _, app in apps], catch.split())


class Cascade:
    """Applications in their order, and the codes after which the next is tried."""

    def __init__(self, apps, catch):
        self.apps = apps
        self.catch_codes = []
        for code in map(int, catch):
            if code not in _CODES:
                raise KeyError(code)
            self.catch_codes.append(code)
        self.catch_codes = sorted(set(self.catch_codes))

    def __call__(self, environ, start_response):
        raise NotImplementedError("this stands for paste.cascade, and serves nothing")
