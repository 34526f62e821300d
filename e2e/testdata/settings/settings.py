"""Says what it finds around itself: paste.app_factory = settings:make_app"""
import json
import os
import subprocess
import sys
import threading


def make_app(global_conf, **local_conf):
    import further  # is in a folder that path adds

    def application(environ, start_response):
        mask = os.umask(0)
        os.umask(mask)
        text = json.dumps({
            "umask": "%04o" % mask,
            "cwd": os.getcwd(),
            "env": {k: v for k, v in os.environ.items() if k.startswith("E2E_")},
            "path": sys.path,
            "further": further.NAME,
            "prepared": getattr(further, "PREPARED", 0),
            "global": dict(global_conf),
            "local": local_conf,
            "scheme": environ["wsgi.url_scheme"],
            "script": environ["SCRIPT_NAME"],
            "server": [environ["SERVER_NAME"], environ["SERVER_PORT"]],
            "remote": environ["REMOTE_ADDR"],
            "multithread": environ["wsgi.multithread"],
            "multiprocess": environ["wsgi.multiprocess"],
            "threads": len([t for t in threading.enumerate() if t.is_alive()]),
            "main": sys.modules["__main__"].__name__,
            "child": child(),
        }).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        return [text]

    return application


def child():
    """What a process of the application's own has open, beside the folder that
    it reads for that."""
    out = subprocess.check_output([sys.executable, "-c", "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"],
                                  close_fds=False)
    return [fd for fd in json.loads(out.decode()) if fd > 3]
