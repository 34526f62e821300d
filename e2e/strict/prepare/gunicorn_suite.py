"""gunicorn: tests/requests, a file a request, in two folders."""
import ast
import re

from case import Case, with_host


def read(folder):
    for verdict, want in (("valid", "served"), ("invalid", "refused")):
        for path in sorted((folder / "tests" / "requests" / verdict).glob("*.http")):
            data = with_host(unescape(path.read_bytes()))
            number = requests_in(path.with_suffix(".py")) if want == "served" else None
            yield Case(verdict + " " + path.stem, data, want, number)


def unescape(data):
    """Line ends of the file mean nothing, the escapes in it do."""
    data = data.replace(b"\n", b"").replace(b"\\r\\n", b"\r\n")
    data = data.replace(b"\\0", b"\0").replace(b"\\n", b"\n").replace(b"\\t", b"\t")
    return re.sub(rb"\\x([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), data)


def requests_in(path):
    """The expectation is a list called request, of a name each, or a dict."""
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == "request":
            return len(statement.value.elts) if isinstance(statement.value, ast.List) else 1
    return None
