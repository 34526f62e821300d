"""The least that an application can do."""

BODY = b"Hello, World!\n"
FIELDS = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", list(FIELDS))
    return [BODY]


def make_app(global_conf):
    return application
