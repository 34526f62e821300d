"""An answer of a thousand pieces, and no length."""

PIECES = [b"%03d " % i + b"x" * 95 + b"\n" for i in range(1000)]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield from PIECES


def make_app(global_conf):
    return application
