"""waitress: its parser's tests, run with a parser that writes down what it is
given. What the parser itself makes of the same bytes is the verdict."""
import importlib
import io
import sys
import unittest

from case import Case, with_host

HEAD_END = b"\r\n\r\n"


def read(folder):
    sys.path[:0] = [str(folder / "src"), str(folder)]
    parser = importlib.import_module("waitress.parser").HTTPRequestParser
    seen = set()
    for name, data in given(parser):
        data = data.replace(b"HTTP/8.4", b"HTTP/1.1")  # any version would do there
        if data not in seen and b" HTTP/" in data:
            seen.add(data)
            data = with_host(data)
            yield Case("%s %d" % (name, len(seen)), data, judge(parser, data))


def given(parser):
    """What the tests give to a parser: to received, in pieces, or a head without
    its end to parse_header."""
    streams, inside = {}, []
    received, parse_header = parser.received, parser.parse_header

    def record(self, data):
        stream = streams.setdefault(id(self), [self, Current.name, b""])
        stream[2] += data
        inside.append(self)
        try:
            return received(self, data)
        finally:
            inside.pop()

    def record_head(self, data):
        if not inside:
            head = data if data.endswith(HEAD_END) else data.rstrip(b"\r\n") + HEAD_END
            streams[id(self), len(streams)] = [self, Current.name, head]
        return parse_header(self, data)

    parser.received, parser.parse_header = record, record_head
    try:
        run("tests.test_parser")
    finally:
        parser.received, parser.parse_header = received, parse_header
    return [(name[len("test"):].lstrip("_"), data) for _, name, data in streams.values()]


class Current(unittest.TextTestResult):
    """Knows which test runs."""

    name = ""

    def startTest(self, test):
        Current.name = test.id().split(".")[-1]
        super().startTest(test)


def run(module):
    tests = unittest.defaultTestLoader.loadTestsFromName(module)
    unittest.TextTestRunner(stream=io.StringIO(), resultclass=Current).run(tests)


def judge(parser, data):
    from waitress.adjustments import Adjustments

    one = parser(Adjustments())
    while data and not one.completed:
        taken = one.received(data)
        if taken == 0:
            break
        data = data[taken:]
    if one.error:
        return "refused"
    return "served" if one.completed and not one.empty else "waits"
