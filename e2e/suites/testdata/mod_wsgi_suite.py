"""python3 mod_wsgi_suite.py PASTED FOLDER: ask the applications of mod_wsgi's tests.

Its own script asks one of them and wants it answered. Here each is asked all that
it reads from a request, and its answer held to what the application says. Prints
a JSON object for each case.
"""
import http.client
import json
import pathlib
import sys

from server import serving

HELLO = b"Hello World!"

# Application, case, fields, body, status, what the answer's body ends with.
CASES = [
    ("hello", "", {}, None, 200, HELLO),
    ("environ", "", {}, None, 200, b"\n\n"),
    ("environ", "body", {}, b"x" * 100000, 200, b"\n\n" + b"x" * 100000),
    ("events", "", {}, None, 200, HELLO),
    ("events", "body", {}, b"x" * 100000, 200, HELLO),
    ("events", "sleep", {"X-Sleep-Duration": "0.2"}, None, 200, HELLO),
    ("events", "raises in the application", {"X-Failure-Mode": "application"}, None, 500, b""),
    ("events", "raises after it has yielded", {"X-Failure-Mode": "yield"}, None, 200, HELLO),
    ("events", "raises in close", {"X-Failure-Mode": "close"}, None, 200, HELLO),
    ("events", "raises in both", {"X-Failure-Mode": "yield close"}, None, 200, HELLO),
]


def asked(server, application, fields, body, status, end):
    """What is wrong with the answer, or an empty text."""
    connection = http.client.HTTPConnection(*server.address, timeout=20)
    try:
        connection.request("POST" if body else "GET", "/" + application, body, fields)
        response = connection.getresponse()
        got = response.read()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
    if response.status != status:
        return "status %d, want %d" % (response.status, status)
    return "" if got.endswith(end) else "a body of %d bytes that ends with %r" % (len(got), got[-50:])


def main(pasted, folder):
    settings = {"folder": folder}
    with serving(pasted, "mod_wsgi_app:make", settings, []) as server:
        for application, case, *rest in CASES:
            why = asked(server, application, *rest)
            name = application + ".wsgi" + (", " + case if case else "")
            print(json.dumps({"case": name, "passed": not why, "why": why}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve()))
