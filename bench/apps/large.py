"""An answer of 100 KB in one piece."""

BODY = b"0123456789abcdef" * 6400
FIELDS = [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", list(FIELDS))
    return [BODY]


def make_app(global_conf):
    return application
