from webob import Request, Response


def text(body):
    return Response(text=body, content_type="text/plain")


def hello(request):
    return text("hello %s from webob" % request.GET["name"])


def form(request):
    return text("name is %s" % request.POST["name"])


def upload(request):
    file = request.POST["file"]
    return text("%s %d" % (file.filename, len(file.file.read())))


def stream(request):
    return Response(app_iter=(b"line %d\n" % i for i in range(3)), content_type="text/plain")


def error(request):
    raise RuntimeError("boom webob")


def cookies(request):
    response = text(request.cookies["have"])
    response.set_cookie("one", "1")
    response.set_cookie("two", "2", path="/two")
    return response


PAGES = {"/hello": hello, "/form": form, "/upload": upload, "/stream": stream, "/error": error, "/cookies": cookies}


def make_app(global_conf):
    def app(environ, start_response):
        request = Request(environ)
        return PAGES[request.path_info](request)(environ, start_response)

    return app
