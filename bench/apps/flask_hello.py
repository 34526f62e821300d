"""The least that a Flask application can do."""

import flask

application = flask.Flask(__name__)


@application.route("/")
def hello():
    return flask.Response("Hello, World!\n", mimetype="text/plain")


def make_app(global_conf):
    return application
