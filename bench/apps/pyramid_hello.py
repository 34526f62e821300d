"""The least that a Pyramid application can do."""

from pyramid.config import Configurator
from pyramid.response import Response


def hello(request):
    return Response("Hello, World!\n", content_type="text/plain", charset="utf-8")


def make_app(global_conf):
    with Configurator() as config:
        config.add_route("hello", "/")
        config.add_view(hello, route_name="hello")
        return config.make_wsgi_app()


application = make_app({})
