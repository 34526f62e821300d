import bottle


def make_app(global_conf):
    app = bottle.Bottle()

    @app.get("/hello")
    def hello():
        return "hello %s from bottle" % bottle.request.query.getunicode("name")

    @app.post("/form")
    def form():
        return "name is %s" % bottle.request.forms.getunicode("name")

    @app.post("/upload")
    def upload():
        file = bottle.request.files["file"]
        return "%s %d" % (file.raw_filename, len(file.file.read()))

    @app.get("/stream")
    def stream():
        for i in range(3):
            yield "line %d\n" % i

    @app.get("/error")
    def error():
        raise RuntimeError("boom bottle")

    @app.get("/cookies")
    def cookies():
        bottle.response.set_cookie("one", "1")
        bottle.response.set_cookie("two", "2", path="/two")
        return bottle.request.get_cookie("have")

    app.catchall = False  # exceptions are the server's
    return app
