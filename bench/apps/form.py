"""Reads a posted form and says what it holds."""

from urllib.parse import parse_qsl


def application(environ, start_response):
    length = int(environ["CONTENT_LENGTH"])
    fields = parse_qsl(environ["wsgi.input"].read(length).decode("ascii"))
    body = "".join("%s: %s\n" % field for field in fields).encode()
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def make_app(global_conf):
    return application
