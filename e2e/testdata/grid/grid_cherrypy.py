import cherrypy


class Root:
    @cherrypy.expose
    def hello(self, name):
        return "hello %s from cherrypy" % name

    @cherrypy.expose
    def form(self, name):
        return "name is %s" % name

    @cherrypy.expose
    def upload(self, file):
        return "%s %d" % (file.filename, len(file.file.read()))

    @cherrypy.expose
    def stream(self):
        for i in range(3):
            yield ("line %d\n" % i).encode()

    stream._cp_config = {"response.stream": True}

    @cherrypy.expose
    def error(self):
        raise RuntimeError("boom cherrypy")

    @cherrypy.expose
    def cookies(self):
        set_cookies = cherrypy.response.cookie
        set_cookies["one"] = "1"
        set_cookies["two"] = "2"
        set_cookies["two"]["path"] = "/two"
        return cherrypy.request.cookie["have"].value


def make_app(global_conf):
    cherrypy.config.update({"environment": "embedded", "request.show_tracebacks": False})
    return cherrypy.Application(Root(), "/cherrypy", {"/": {"tools.response_headers.on": False}})
