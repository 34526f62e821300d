"""waitress: its parser's tests, run with a parser that writes down what it is
given. What the parser then says is the verdict."""
import importlib
import io
import sys
import unittest

from case import Case, with_host


def read(folder):
    sys.path[:0] = [str(folder / "src"), str(folder)]
    parser = importlib.import_module("waitress.parser").HTTPRequestParser
    given = {}
    received = parser.received

    def record(self, data):
        given.setdefault(id(self), [self, Current.name, b""])[2] += data
        return received(self, data)

    parser.received = record
    try:
        run("tests.test_parser")
    finally:
        parser.received = received
    seen = set()
    for _, name, data in given.values():
        if data not in seen and b"HTTP/1" in data:
            seen.add(data)
            data = with_host(data)
            yield Case(name, data, judge(parser, data))


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
