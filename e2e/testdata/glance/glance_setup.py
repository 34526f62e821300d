"""setup = glance_setup:setup"""
from glance.common import config
from glance.common import wsgi_app


def setup():
    """Does what init_app does before it loads its paste file."""
    load = config.load_paste_app
    config.load_paste_app = lambda name: None
    try:
        wsgi_app.init_app()
    finally:
        config.load_paste_app = load
