"""Paste's urlmap for a part of the tree that is hosted, where Paste is missing.

Outside of Python Pasted has its own. This one stands between Python
components, and does what paste.urlmap does with its keys and its requests.
"""

import re

_DOUBLE_SLASH = re.compile("//+")
_NOT_FOUND = "not_found_app"


def factory(loader, global_conf, **local_conf):
    """A paste.composite_factory: options are paths, their values applications."""
    name = local_conf.pop(_NOT_FOUND, None) or global_conf.get(_NOT_FOUND)
    not_found = loader.get_app(name, global_conf=global_conf) if name else None
    mapping = URLMap(not_found)
    for key, name in local_conf.items():
        domain, path = parse_key(key)
        mapping.add(domain, path, loader.get_app(name, global_conf=global_conf))
    return mapping


def parse_key(key):
    """Take "/path" or "domain D port N /path" apart: a domain or None, a path."""
    words, domain, port, path = key.split(), None, None, None
    while words:
        word = words.pop(0)
        if word in ("domain", "port"):
            if not words:
                raise ValueError("'%s' must be followed with a %s" % (
                    word, "domain name" if word == "domain" else "port number"))
            if (domain if word == "domain" else port) is not None:
                raise ValueError("'%s' given twice" % word)
            if word == "domain":
                domain = words.pop(0)
            else:
                port = words.pop(0)
        elif path is not None:
            raise ValueError("more than one path given (have %r, got %r)" % (path, word))
        else:
            path = word
    if port is not None:
        if domain is None:
            raise ValueError("If you give a port, you must also give a domain")
        domain = "%s:%s" % (domain, port)
    return _from_url(domain, path or "")


def _from_url(domain, path):
    """Normalise, and take the domain out of an http:// key."""
    if not path.startswith("/") and path.startswith(("http://", "https://")):
        rest = path.split("//", 1)[1]
        domain, _, path = rest.partition("/")
        path = "/" + path
    if path and not path.startswith("/"):
        raise AssertionError("URL fragments must start with / or http:// (you gave %r)" % path)
    return domain, _DOUBLE_SLASH.sub("/", path).rstrip("/")


def _escaped(text):
    """Do what html.escape does, which Python 2 lacks."""
    for char, name in ("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"):
        text = text.replace(char, name)
    return text


class URLMap:
    """Gives a request to the application at the longest path that it is under."""

    def __init__(self, not_found=None):
        self._not_found = not_found or self._page
        self._applications = []

    def add(self, domain, path, application):
        kept = [a for a in self._applications if a[:2] != (domain, path)]
        kept.append((domain, path, application))
        # With a domain first, by its text; the longer path before the shorter.
        kept.sort(key=lambda a: (a[0] is None, a[0] or "", -len(a[1]), a[1]))
        self._applications = kept

    def __call__(self, environ, start_response):
        host = environ.get("HTTP_HOST", environ.get("SERVER_NAME", "")).lower()
        host, colon, port = host.partition(":")
        if not colon:
            port = "80" if environ["wsgi.url_scheme"] == "http" else "443"
        path = _DOUBLE_SLASH.sub("/", environ.get("PATH_INFO", ""))
        for domain, prefix, application in self._applications:
            if domain is not None and domain not in (host, "%s:%s" % (host, port)):
                continue
            if path == prefix or path.startswith(prefix + "/"):
                environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
                environ["PATH_INFO"] = path[len(prefix):]
                return application(environ, start_response)
        environ["paste.urlmap_object"] = self
        return self._not_found(environ, start_response)

    @staticmethod
    def _page(environ, start_response):
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        body = ("<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1>"
                "<p>The resource could not be found: %s</p></body></html>" % _escaped(path))
        if not isinstance(body, bytes):
            body = body.encode("utf-8")
        start_response("404 Not Found", [("Content-Type", "text/html; charset=utf-8"),
                                         ("Content-Length", str(len(body)))])
        return [body]
