"""The applications of bjoern's tests, which hand them to bjoern.run.

/SCRIPT:ARGUMENT/PATH is PATH of the application of SCRIPT; of two colons, what
follows the second names the application. / is that of keep-alive-behaviour.py,
with what the runner has written to the file state.
"""
import ast
import json
import pathlib
import sys
import types


def script(folder, temp, name, argument):
    """What the script defines, and the application that it runs."""
    ran = []
    stub = types.ModuleType("bjoern")
    stub.run = stub.listen = lambda *args, **_: ran.extend(args[:1])
    path = pathlib.Path(folder, "tests", name)
    names = {"__name__": "script", "__file__": str(path)}
    before = sys.argv, sys.modules.get("bjoern")
    sys.argv, sys.modules["bjoern"] = [str(path), str(path.parent.parent / "README.rst"), argument][:3 if argument else 2], stub
    try:
        exec(compile(path.read_text(encoding="utf-8").replace("'/tmp/", repr(temp + "/")[:-1]), str(path), "exec"), names)
        if "start" in names:
            names["start"]()
    finally:
        sys.argv = before[0]
    return names, (ran or [None])[0]


def keep_alive(folder):
    """Their Testcase.__call__, which is an application."""
    path = pathlib.Path(folder, "tests", "keep-alive-behaviour.py")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name == "__call__":
            names = {"random": __import__("random")}
            exec(compile(ast.Module([node], []), str(path), "exec"), names)
            return names["__call__"]
    raise LookupError("keep-alive-behaviour.py has no application")


def fields(environ, start_response):
    """Says what has come as HTTP_FOO_BAR, and the body."""
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ.get("HTTP_FOO_BAR", "none").encode("latin-1"), b"|", body]


def make(global_conf, folder, state):
    temp = str(pathlib.Path(state).parent)
    testcase, loaded = keep_alive(folder), {"fields": fields}

    def find(key):
        if key not in loaded:
            name, argument, inner = (key.split(":") + ["", ""])[:3]
            names, app = script(folder, temp, name, argument)
            loaded[key] = names[inner] if inner else app
        return loaded[key]

    def app(environ, start_response):
        key, slash, rest = environ["PATH_INFO"][1:].partition("/")
        if not key.startswith("fields") and ".py" not in key:
            case = types.SimpleNamespace(**json.loads(pathlib.Path(state).read_text()))
            case.body = case.body.encode("latin-1")
            return testcase(case, environ, start_response)
        environ.update(SCRIPT_NAME="/" + key, PATH_INFO=slash + rest)
        return find(key)(environ, start_response)

    return app
