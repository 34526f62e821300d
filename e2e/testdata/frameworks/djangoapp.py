"""The Django application: paste.app_factory = djangoapp:make_app"""
import json
import os
import threading

from django import urls
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template import engines
from django.views.static import serve

released = threading.Event()


def index(request):
    template = engines["django"].from_string("<h1>{{ g }} from {{ t }}</h1>\n")
    return HttpResponse(template.render({"g": request.environ["e2e.greeting"], "t": settings.TITLE}))


def form(request):
    return HttpResponse("name is " + request.POST["name"])


def upload(request):
    sent = request.FILES["file"]
    return JsonResponse({"name": sent.name, "size": len(sent.read())})


def json_view(request):
    return JsonResponse({"got": json.loads(request.body)})


def stream(request):
    released.clear()

    def lines():
        yield "first\n"
        if not released.wait(20):
            yield "not released\n"
        for n in range(4):
            yield "line %d\n" % n

    return StreamingHttpResponse(lines(), content_type="text/plain")


def release(request):
    released.set()
    return HttpResponse("released")


def old(request):
    return HttpResponseRedirect("/?from=old")


def greet(request, name):
    return JsonResponse({"name": name, "q": request.GET["q"], "url": request.build_absolute_uri()})


def cookies(request):
    answer = HttpResponse(request.COOKIES.get("have", "none"))
    answer.set_cookie("one", "1", httponly=True)
    answer.set_cookie("two", "2", path="/two")
    return answer


def say(request, text):
    print("said", text, file=request.environ["wsgi.errors"], flush=True)
    return HttpResponse("said")


def boom(request, text):
    raise RuntimeError("boom " + text)


urlpatterns = [
    urls.path("", index),
    urls.path("form", form),
    urls.path("upload", upload),
    urls.path("json", json_view),
    urls.path("stream", stream),
    urls.path("release", release),
    urls.path("old", old),
    urls.path("greet/<name>", greet),
    urls.path("cookies", cookies),
    urls.path("say/<text>", say),
    urls.path("boom/<text>", boom),
    urls.path("static/<path:path>", serve,
              {"document_root": os.path.join(os.path.dirname(os.path.abspath(__file__)), "static")}),
]


def make_app(global_conf, title, **local_conf):
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="of no importance",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware",
                    "django.middleware.http.ConditionalGetMiddleware"],
        LOGGING={
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "root": {"handlers": ["console"]},
        },
        TITLE=title,
    )
    return get_wsgi_application()
