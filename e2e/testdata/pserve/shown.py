"""An application that shows its settings, and where it was asked."""
import json


def make_app(global_conf, **local_conf):
    conf = [dict(global_conf), local_conf]

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps([environ["SERVER_PORT"]] + conf, sort_keys=True).encode()]

    return app
