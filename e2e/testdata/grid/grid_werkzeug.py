from werkzeug.wrappers import Request, Response


def hello(request):
    return Response("hello %s from werkzeug" % request.args["name"])


def form(request):
    return Response("name is %s" % request.form["name"])


def upload(request):
    file = request.files["file"]
    return Response("%s %d" % (file.filename, len(file.read())))


def stream(request):
    return Response(("line %d\n" % i).encode() for i in range(3))


def error(request):
    raise RuntimeError("boom werkzeug")


def cookies(request):
    response = Response(request.cookies["have"])
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", path="/two")
    return response


PAGES = {"/hello": hello, "/form": form, "/upload": upload, "/stream": stream, "/error": error, "/cookies": cookies}


def make_app(global_conf):
    @Request.application
    def app(request):
        return PAGES[request.path](request)

    return app
