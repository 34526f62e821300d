"""The demo's Flask application."""

import hashlib
import os
import sys
import threading
import time

import flask

SHOWN = (
    "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "SERVER_PROTOCOL", "SERVER_SOFTWARE",
    "REMOTE_ADDR", "wsgi.multithread", "wsgi.multiprocess", "pasted.request_id",
)
SLOWEST = 30.0  # seconds


def make_app(global_conf, greeting="Hello"):
    """Return the application, which greets with greeting."""
    app = flask.Flask(__name__)
    app.config["GREETING"] = greeting
    app.config["FILE"] = os.path.basename(global_conf.get("__file__", "?"))
    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/slow", view_func=slow)
    app.add_url_rule("/stream", view_func=stream)
    app.add_url_rule("/upload", view_func=upload_form, methods=["GET"])
    app.add_url_rule("/upload", view_func=upload, methods=["POST", "PUT"])
    app.add_url_rule("/crash", view_func=crash)
    return app


def home():
    environ = flask.request.environ
    return flask.render_template(
        "home.html",
        greeting=flask.current_app.config["GREETING"],
        file=flask.current_app.config["FILE"],
        pid=os.getpid(),
        thread=threading.current_thread().name,
        python="%d.%d.%d" % sys.version_info[:3],
        environ=[(key, environ[key]) for key in SHOWN if key in environ],
    )


def slow():
    """Take some seconds; the other lanes go on."""
    seconds = flask.request.args.get("seconds", 1.0, type=float)
    seconds = min(max(seconds, 0.0), SLOWEST) if seconds == seconds else 0.0
    time.sleep(seconds)
    return text("slept %g s in process %d, %s\n" % (seconds, os.getpid(), threading.current_thread().name))


def stream():
    """Answer a line at a time; each leaves as soon as it is made."""
    def lines():
        for number in range(1, 11):
            yield "line %d of 10\n" % number
            time.sleep(0.3)

    return text(lines())


def upload_form():
    return flask.render_template("upload.html")


def upload():
    """Read a body of any size without keeping it."""
    size, digest = 0, hashlib.sha256()
    while True:
        piece = flask.request.stream.read(1 << 16)
        if not piece:
            break
        size += len(piece)
        digest.update(piece)
    return text("%d bytes, sha256 %s\n" % (size, digest.hexdigest()))


def crash():
    """End the worker in the middle of the request, as a fault in C code would."""
    print("asked to crash", file=flask.request.environ["wsgi.errors"])
    os._exit(1)


def text(body):
    return flask.Response(body, mimetype="text/plain")
