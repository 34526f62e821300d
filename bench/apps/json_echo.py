"""Reads a JSON document and sends it back, read and written by json."""

import json


def application(environ, start_response):
    length = int(environ["CONTENT_LENGTH"])
    document = json.loads(environ["wsgi.input"].read(length))
    body = json.dumps(document, separators=(",", ":")).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def make_app(global_conf):
    return application
