"""An application that says what it was asked for, in fields of its answer, so
that a client can tell what its bytes were read as."""


def make_app(global_conf, **local_conf):
    """paste.app_factory"""
    return application


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(len(body))),
        ("X-Method", environ["REQUEST_METHOD"]),
        ("X-Path", environ["PATH_INFO"].encode("latin-1").hex()),
        ("X-Query", environ["QUERY_STRING"].encode("latin-1").hex()),
        ("X-Host", environ.get("HTTP_HOST", "").encode("latin-1").hex()),
    ])
    return [body]
