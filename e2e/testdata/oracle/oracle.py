"""Says what PasteDeploy makes of a file: oracle.py FILE PORT PATH ..."""
import json
import sys
from wsgiref.util import setup_testing_defaults

from paste.deploy import loadapp

file, port, *paths = sys.argv[1:]
sys.path.insert(0, file.rpartition("/")[0])
# What pserve and plaster pass, and the variables.
pserve = {"__file__": file, "here": file.rpartition("/")[0], "__script__": "pserve"}
app = loadapp("config:" + file, global_conf=dict(
    pserve, color="green", e2e_python=sys.executable, e2e_port=port))
answers = {}
for path in paths:
    environ = {"PATH_INFO": path, "SCRIPT_NAME": "", "HTTP_HOST": "127.0.0.1:" + port, "SERVER_PORT": port}
    setup_testing_defaults(environ)
    status = []
    body = b"".join(app(environ, lambda s, h, e=None: status.append(s)))
    answers[path] = [int(status[0].split()[0]), json.loads(body) if status[0].startswith("200") else None]
print(json.dumps(answers))
