"""Loads a file as pserve does and makes requests: oracle.py FILE PORT NAME=VALUE... < requests, as JSON.

It takes the steps of pyramid.scripts.pserve between the command line and the
server: variables, logging, and PasteDeploy by way of plaster.

Each request is [method, path, [[name, value], ...]]; each answer, in JSON too, is
[status, fields, body].
"""
import io
import json
import logging
import os
import sys
from urllib.parse import unquote_to_bytes

file, port, *variables = sys.argv[1:]
sys.path.append(os.path.dirname(file))
sys.argv[:] = ["oracle"]

import plaster  # noqa: E402


def environ_of(method, target, fields):
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query, "REQUEST_URI": target, "SERVER_NAME": "127.0.0.1", "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "HTTP_HOST": "127.0.0.1:" + port,
    }
    for name, value in fields:
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


def answer_of(app, request):
    head, body = [], []

    def start_response(status, fields, exc_info=None):
        head[:] = [status, fields]
        return body.append

    try:
        result = app(environ_of(*request), start_response)
        try:
            body.extend(result)
        finally:
            if hasattr(result, "close"):
                result.close()
    except Exception:
        logging.exception("the application has failed")
        return [500, [], None]
    return [int(head[0].split()[0]), head[1], b"".join(body).decode("latin-1")]


variables = dict(v.split("=", 1) for v in variables)
variables.setdefault("__script__", "pserve")
loader = plaster.get_loader(file, protocols=["wsgi"])
loader.setup_logging(variables)
app = loader.get_wsgi_app(None, variables)
print(json.dumps([answer_of(app, request) for request in json.load(sys.stdin)]))
