"""The Pyramid application: paste.app_factory = pyramidapp:main"""
import threading

from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPFound
from pyramid.response import Response

released = threading.Event()


def index(request):
    title = request.registry.settings["title"]
    return Response("<h1>%s from %s</h1>\n" % (request.environ["e2e.greeting"], title))


def form(request):
    return Response("name is " + request.POST["name"])


def upload(request):
    sent = request.POST["file"]
    return {"name": sent.filename, "size": len(sent.file.read())}


def json(request):
    return {"got": request.json_body}


def stream(request):
    released.clear()

    def lines():
        yield b"first\n"
        if not released.wait(20):
            yield b"not released\n"
        for n in range(4):
            yield b"line %d\n" % n

    return Response(app_iter=lines(), content_type="text/plain")


def release(request):
    released.set()
    return Response("released")


def old(request):
    return HTTPFound("/?from=old")


def greet(request):
    return {"name": request.matchdict["name"], "q": request.GET["q"], "url": request.url}


def cookies(request):
    answer = Response(request.cookies.get("have", "none"))
    answer.set_cookie("one", "1", httponly=True)
    answer.set_cookie("two", "2", path="/two")
    return answer


def say(request):
    print("said", request.matchdict["text"], file=request.environ["wsgi.errors"], flush=True)
    return Response("said")


def boom(request):
    raise RuntimeError("boom " + request.matchdict["text"])


def main(global_config, **settings):
    config = Configurator(settings=settings)
    config.add_static_view("static", "%s/static" % global_config["here"])
    for view, pattern, renderer in [
        (index, "/", None),
        (form, "/form", None),
        (upload, "/upload", "json"),
        (json, "/json", "json"),
        (stream, "/stream", None),
        (release, "/release", None),
        (old, "/old", None),
        (greet, "/greet/{name}", "json"),
        (cookies, "/cookies", None),
        (say, "/say/{text}", None),
        (boom, "/boom/{text}", None),
    ]:
        config.add_route(view.__name__, pattern)
        config.add_view(view, route_name=view.__name__, renderer=renderer)
    return config.make_wsgi_app()
