"""The stand-in for Pasted of ../tests, talking with a process of Python 2.7.

PASTED_PYTHON2 names the interpreter. Importing this module has the tests of
../tests use it.
"""

import marshal
import os
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests"))

import pasted  # noqa: E402

PYTHON = os.environ.get("PASTED_PYTHON2", "python2.7")

# The modules that Python 3's side and this one share, as embed.go has them.
SHARED = ["context", "direct", "forks", "frames", "installed", "loader", "public", "reloader", "urlmap"]


def native(value, encoding="utf-8"):
    """Return value with its strs as the bytes that Python 2.7 has for them."""
    if isinstance(value, str):
        try:
            return value.encode(encoding)
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
    if isinstance(value, dict):
        return {native(k, encoding): native(v, encoding) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(native(v, encoding) for v in value)
    return value


class Connection(pasted.Connection):
    """Writes what Python 2.7 reads: native strings are bytes, in an environ Latin-1."""

    def say(self, kind, value, **more):
        encoding = "latin-1" if kind == pasted.frames.REQUEST else "utf-8"
        self.send(kind, marshal.dumps(native(value, encoding), 2), **more)


class Peer(pasted.Peer):
    connection = Connection

    @staticmethod
    def decode_head(payload):
        status, fields = marshal.loads(payload)
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
        size = 5 + 5 + len(status) + 5 + sum(5 + 5 + len(n) + 5 + len(v) for n, v in fields)
        return status.decode("latin-1"), fields, payload[size:]


def modules():
    sources = {}
    folder = os.path.join(pasted.SIDE, "pasted_worker27")
    names = [("pasted_worker", name + ".py") for name in SHARED]
    names += [("pasted_worker27", name) for name in sorted(os.listdir(folder)) if name.endswith(".py")]
    for where, name in names:
        sources[("pasted_worker." + name[:-3]).replace(".__init__", "")] = pasted.read_source(where, name)
    return sources


class Template(pasted.Template, Peer):
    python = PYTHON
    boot = "boot27.py"
    modules = staticmethod(modules)
    forked = Peer


class Site(pasted.Site):
    """A directory with the modules of the tests for Python 3, of which few are anything else."""

    process = Template

    def write(self, name, text):
        if name.endswith(".py") and text.startswith("\n"):
            text = "from __future__ import print_function" + textwrap.dedent(text)  # on a line of its own
        return super().write(name, text)


pasted.Site = Site
