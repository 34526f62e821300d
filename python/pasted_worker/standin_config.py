"""Stands for paste.deploy.config: its two filters by name."""

import re

_TRUE = ("true", "yes", "on", "y", "t", "1")
_FALSE = ("false", "no", "off", "n", "f", "0")


def make_config_filter(app, global_conf, **local_conf):
    return ConfigMiddleware(app)


def make_prefix_middleware(app, global_conf, prefix="/", translate_forwarded_server=True,
                           force_port=None, scheme=None):
    _asbool(translate_forwarded_server)
    return PrefixMiddleware(app, prefix)


def _asbool(value):
    if isinstance(value, str) and value.strip().lower() not in _TRUE + _FALSE:
        raise ValueError("String is not true/false: %r" % value.strip().lower())


class ConfigMiddleware:
    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        raise NotImplementedError("this stands for paste.deploy.config, and serves nothing")


class PrefixMiddleware(ConfigMiddleware):
    def __init__(self, app, prefix):
        super().__init__(app)
        self.regprefix = re.compile("^%s(.*)$" % prefix.rstrip("/"))  # which may raise
