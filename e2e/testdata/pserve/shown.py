"""An application that shows its settings, and where it was asked."""
import json
import logging

log = logging.getLogger(__name__)


def make_app(global_conf, **local_conf):
    conf = [dict(global_conf), local_conf]
    log.debug("not shown")
    log.info("made with %s", sorted(local_conf))
    log.warning("for all")
    logging.getLogger("elsewhere").error("of the root's")

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps([environ["SERVER_PORT"]] + conf, sort_keys=True).encode()]

    return app
