"""python3 bjoern_suite.py PASTED FOLDER: run bjoern's tests.

keep-alive-behaviour.py runs as it is, with its requests sent to PASTED and its
application run there; requests of HTTP/1.1 get a Host (RFC 9112, 3.2). The other
scripts are applications without a check: here it is checked that they are
answered as they say. Prints a JSON object for each case.
"""
import ast
import http.client
import json
import pathlib
import socket
import sys
import tempfile

from server import serving

MIB = b"a" * 1024 * 1024

# Path, status, body; a body that is a name stands for that file's content.
APPLICATIONS = [
    ("/all-kinds-of-errors.py::invalid_header_tuple", 500, None),
    ("/all-kinds-of-errors.py::invalid_header_tuple_item", 500, None),
    ("/all-kinds-of-errors.py::invalid_header_type", 500, None),
    ("/empty.py", 200, b""),
    ("/file.py/big", 200, "bjoern.big.tmp"),
    ("/file.py/small", 200, "bjoern.small.tmp"),
    ("/filewrapper.py:callable-iterator", 200, "README.rst"),
    ("/filewrapper.py:filewrapper", 200, "README.rst"),
    ("/filewrapper.py:filewrapper2", 200, "README.rst"),
    ("/filewrapper.py:pseudo-file", 200, None),
    ("/filewrapper.py:xreadlines", 200, "README.rst"),
    ("/headers.py", 200, b"foobar"),
    ("/hello.py::app1", 200, b"helloworld"),
    ("/hello.py::app2", 200, b"hello"),
    ("/hello.py::app3", 200, b"Hello World\n"),
    ("/hello.py::app4", 200, b"hello there ... \n"),
    ("/huge.py", 200, MIB),
    ("/listen.py", 200, b"Hello world"),
    ("/not-callable.py", 500, None),
    ("/slow_server.py/huge", 200, b"x" * len(MIB)),
    ("/slow_server.py/other", 404, b"URL /other not found"),
    ("/slow_server.py/tuple", 200, b"Hello, it's me, Bob!"),
    ("/test_exc_info_reference.py", 500, b"hello"),
    ("/test_wsgi_compliance.py::_app", 200, b"Hello World"),
]

# Number of the message in pure-req.py, status, body.
MESSAGES = [(0, 200, b"none|"), (1, 200, b"none|"), (2, 200, b"none|"), (3, 200, b"none|"), (4, 400, None), (5, 200, b"none|"),
            (6, 200, b"none|hello world"), (7, 200, b"none|" + b"a" * 1000), (8, 200, b"none|"), (9, 200, b"good|")]


def say(case, why=""):
    print(json.dumps({"case": case, "passed": not why, "why": str(why)}), flush=True)


def with_host(message):
    line, end, rest = message.partition(b"\r\n")
    return line + end + b"Host: localhost\r\n" + rest if line.endswith(b"HTTP/1.1") else message


def compare(case, response, status, body):
    got = response.read()
    if response.status != status:
        say(case, "status %d, want %d" % (response.status, status))
    elif body is not None and got != body:
        say(case, "a body of %d bytes, want %d: %r" % (len(got), len(body), got[:100]))
    else:
        say(case)


def applications(server, folder, temp):
    for path, status, body in APPLICATIONS:
        connection = http.client.HTTPConnection(*server.address, timeout=20)
        connection.request("GET", path)
        response = connection.getresponse()
        if isinstance(body, str):
            places = [place / body for place in (folder, temp) if (place / body).exists()]
            body = places[0].read_bytes() if places else b"no such file"
        compare(path[1:], response, status, body)
        connection.close()


def messages(server, folder):
    """pure-req.py's, sent to an application that says what it was sent."""
    tree = ast.parse((folder / "tests" / "pure-req.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "msgs"]
    texts = eval(compile(ast.Expression(values[0]), "pure-req.py", "eval"))
    for number, status, body in MESSAGES:
        data = with_host(texts[number].replace(" /", " /fields/", 1).encode())
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.sendall(data)
            response = http.client.HTTPResponse(connection)
            response.begin()
            compare("pure-req.py %d" % number, response, status, body)


def keep_alive(server, folder, state):
    """Their table and their checks. What differs from the script as it is: the
    address, that a failure does not end it, and where the application is."""
    source = (folder / "tests" / "keep-alive-behaviour.py").read_text()

    def publish(case):
        flags = {name: getattr(case, name) for name in ("raise_error", "give_content_length")}
        state.write_text(json.dumps(dict(flags, body=case.body.decode("latin-1"))))
        return case

    def run(index, case):
        name = "keep-alive-behaviour.py %d" % index
        try:
            case.run()
        except Exception as error:  # Fail, and whatever the connection has.
            say(name, "%s: %s" % (type(error).__name__, error))
        else:
            say(name)
        if case.conn and case.conn.sock:
            case.conn.sock.close()

    for old, new in (("('127.0.0.1', 9000)", repr(server.address)), ("dispatcher.app = self", "publish(self)"),
                     ("    _test().run()", "    run(index, _test())"), ("import bjoern\n", ""),
                     ("thread.start_new_thread(bjoern.run, (dispatcher,)+HOST)\n", ""),
                     ("self.conn.send(data)", "self.conn.send(with_host(data))"), ("print(", "(lambda *_: None)(")):
        if old not in source:
            raise LookupError("keep-alive-behaviour.py has no %r" % old)
        source = source.replace(old, new)
    exec(compile(source, "keep-alive-behaviour.py", "exec"), {"publish": publish, "run": run, "with_host": with_host, "__name__": "script"})


def main(pasted, folder):
    folder = pathlib.Path(folder)
    with tempfile.TemporaryDirectory(prefix="pasted-suites-") as temp:
        state = pathlib.Path(temp, "state.json")
        settings = {"folder": str(folder), "state": str(state)}
        with serving(pasted, "bjoern_app:make", settings, []) as server:
            applications(server, folder, pathlib.Path(temp))
            messages(server, folder)
            keep_alive(server, folder, state)


if __name__ == "__main__":
    main(*sys.argv[1:])
