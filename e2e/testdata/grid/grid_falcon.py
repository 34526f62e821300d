import falcon


class Hello:
    def on_get(self, req, resp):
        resp.text = "hello %s from falcon" % req.get_param("name")

    on_head = on_get


class Form:
    def on_post(self, req, resp):
        resp.text = "name is %s" % req.get_media()["name"]


class Upload:
    def on_post(self, req, resp):
        for part in req.get_media():
            resp.text = "%s %d" % (part.filename, len(part.stream.read()))


class Stream:
    def on_get(self, req, resp):
        resp.stream = (b"line %d\n" % i for i in range(3))


class Error:
    def on_get(self, req, resp):
        raise RuntimeError("boom falcon")


class Cookies:
    def on_get(self, req, resp):
        resp.set_cookie("one", "1", secure=False)
        resp.set_cookie("two", "2", path="/two", secure=False)
        resp.text = req.get_cookie_values("have")[0]


def reraise(req, resp, error, params):
    raise error


def make_app(global_conf):
    app = falcon.App()
    app.add_error_handler(RuntimeError, reraise)  # exceptions are the server's
    for path, resource in (("/hello", Hello()), ("/form", Form()), ("/upload", Upload()),
                           ("/stream", Stream()), ("/error", Error()), ("/cookies", Cookies())):
        app.add_route(path, resource)
    return app
