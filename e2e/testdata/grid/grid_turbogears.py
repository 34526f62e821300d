import tg
from tg import MinimalApplicationConfigurator, TGController, expose, request, response


class Root(TGController):
    @expose(content_type="text/plain")
    def hello(self, name):
        return "hello %s from turbogears" % name

    @expose(content_type="text/plain")
    def form(self, name):
        return "name is %s" % name

    @expose(content_type="text/plain")
    def upload(self, file):
        return "%s %d" % (file.filename, len(file.file.read()))

    @expose(content_type="text/plain")
    def stream(self):
        response.app_iter = (b"line %d\n" % i for i in range(3))
        return response

    @expose(content_type="text/plain")
    def error(self):
        raise RuntimeError("boom turbogears")

    @expose(content_type="text/plain")
    def cookies(self):
        response.set_cookie("one", "1")
        response.set_cookie("two", "2", path="/two")
        return request.cookies["have"]


def make_app(global_conf):
    config = MinimalApplicationConfigurator()
    config.update_blueprint({"root_controller": Root()})
    return config.make_wsgi_app()
