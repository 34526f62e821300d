"""The Flask application: paste.app_factory = flaskapp:make_app"""
import threading

import flask


def make_app(global_conf, title, **local_conf):
    app = flask.Flask(__name__, static_folder="static")
    released = threading.Event()

    @app.get("/")
    def index():
        greeting = flask.request.environ["e2e.greeting"]
        return flask.render_template_string("<h1>{{ g }} from {{ t }}</h1>\n", g=greeting, t=title)

    @app.post("/form")
    def form():
        return "name is " + flask.request.form["name"]

    @app.post("/upload")
    def upload():
        sent = flask.request.files["file"]
        return {"name": sent.filename, "size": len(sent.read())}

    @app.post("/json")
    def json():
        return {"got": flask.request.get_json()}

    @app.get("/stream")
    def stream():
        released.clear()

        def lines():
            yield "first\n"
            if not released.wait(20):
                yield "not released\n"
            for n in range(4):
                yield "line %d\n" % n

        return flask.Response(lines(), mimetype="text/plain")

    @app.post("/release")
    def release():
        released.set()
        return "released"

    @app.get("/old")
    def old():
        return flask.redirect("/?from=old")

    @app.get("/greet/<name>")
    def greet(name):
        return {"name": name, "q": flask.request.args["q"], "url": flask.request.url}

    @app.get("/cookies")
    def cookies():
        answer = flask.make_response(flask.request.cookies.get("have", "none"))
        answer.set_cookie("one", "1", httponly=True)
        answer.set_cookie("two", "2", path="/two")
        return answer

    @app.get("/say/<text>")
    def say(text):
        print("said", text, file=flask.request.environ["wsgi.errors"], flush=True)
        return "said"

    @app.get("/boom/<text>")
    def boom(text):
        raise RuntimeError("boom " + text)

    return app
