"""Stands for paste.urlmap: which applications are mounted where."""

import re


def urlmap_factory(loader, global_conf, **local_conf):
    if "not_found_app" in local_conf:
        not_found = local_conf.pop("not_found_app")
    else:
        not_found = global_conf.get("not_found_app")
    if not_found:
        not_found = loader.get_app(not_found, global_conf=global_conf)
    urlmap = URLMap(not_found)
    for key, name in local_conf.items():
        url = _url_of(key)
        urlmap.mount(url, loader.get_app(name, global_conf=global_conf))
    return urlmap


def _url_of(key):
    """Take "/path" or "domain D port N /path" apart, in any order, and join a URL."""
    words = key.split()
    found = {"domain": "", "port": "", "path": ""}
    while words:
        word = words.pop(0)
        if word in ("domain", "port"):
            if not words:
                raise ValueError("%r must be followed with a %s" % (
                    word, {"domain": "domain name", "port": "port number"}[word]))
            if found[word]:
                raise ValueError("%r given twice" % word)
            found[word] = words.pop(0)
        elif found["path"]:
            raise ValueError("more than one path given (have %r, got %r)" % (found["path"], word))
        else:
            found["path"] = word
    url = "http://" + found["domain"] if found["domain"] else ""
    if found["port"]:
        if not url:
            raise ValueError("If you give a port, you must also give a domain")
        url += ":" + found["port"]
    if url and found["path"]:
        url += "/"
    return url + found["path"]


class URLMap:
    """Applications by domain, None for any, and path."""

    def __init__(self, not_found):
        self.applications = []
        self.not_found_application = not_found or self._not_found

    def mount(self, url, app):
        address = self._address(url)
        kept = [pair for pair in self.applications if pair[0] != address]
        kept.append((address, app))
        # With a domain first, by its text; of one domain the longest path first.
        kept.sort(key=lambda pair: (pair[0][0] or "\xff", -len(pair[0][1]), pair[0][1]))
        self.applications = kept

    @staticmethod
    def _address(url):
        domain = None
        match = re.match("https?://", url)
        if match:
            domain, slash, path = url[match.end():].partition("/")
            url = slash + path
        elif url and not url.startswith("/"):
            raise AssertionError("URL fragments must start with / or http:// (you gave %r)" % url)
        return domain, re.sub("//+", "/", url).rstrip("/")

    def _not_found(self, environ, start_response):
        raise NotImplementedError("this stands for paste.urlmap, and serves nothing")

    __call__ = _not_found
