"""Two filters, one of each protocol."""


class Stamp:
    """Adds a field to every answer: what the section says."""

    def __init__(self, app, text):
        self.app, self.text = app, text

    def __call__(self, environ, start_response):
        def stamped(status, headers, exc_info=None):
            return start_response(status, headers + [("X-Stamp", self.text)], exc_info)

        return self.app(environ, stamped)


def stamp(app, global_conf, text):
    """paste.filter_app_factory"""
    return Stamp(app, text)


def gate(global_conf, closed, **local_conf):
    """paste.filter_factory: answers by itself below the path that is closed."""

    def wrap(app):
        def filtered(environ, start_response):
            environ["e2e.greeting"] = global_conf["greeting"]
            if environ["PATH_INFO"].startswith(closed):
                body = b"closed by the gate\n"
                start_response("403 Forbidden", [
                    ("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
                return [body]
            return app(environ, filtered_start(start_response))

        return filtered

    def filtered_start(start_response):
        def start(status, headers, exc_info=None):
            return start_response(status, headers + [("X-Gate", "open")], exc_info)

        return start

    return wrap
