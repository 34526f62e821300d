import web

web.config.debug = False


def text():
    web.header("Content-Type", "text/plain; charset=utf-8")


class hello:
    def GET(self):
        text()
        return "hello %s from webpy" % web.input().name

    HEAD = GET


class form:
    def POST(self):
        text()
        return "name is %s" % web.input().name


class upload:
    def POST(self):
        text()
        file = web.input(file={}).file
        return "%s %d" % (file.filename, len(file.file.read()))


class stream:
    def GET(self):
        text()
        for i in range(3):
            yield "line %d\n" % i


class error:
    def GET(self):
        raise RuntimeError("boom webpy")


class cookies:
    def GET(self):
        text()
        web.setcookie("one", "1")
        web.setcookie("two", "2", path="/two")
        return web.cookies().have


def make_app(global_conf):
    urls = []
    for page in (hello, form, upload, stream, error, cookies):
        urls += ["/" + page.__name__, page]
    return web.application(urls).wsgifunc()
