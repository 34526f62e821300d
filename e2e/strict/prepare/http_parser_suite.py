"""http-parser, in httptools's distribution: test.c, an array of messages and
calls with a message and the error that it has."""
import ast
import re

from case import Case, with_host

STRING = r'"(?:[^"\\]|\\.)*"'
STRINGS = r"(?:%s\s*)+" % STRING
NOT_ERRORS = {"HPE_OK"}


def read(folder):
    text = (folder / "vendor" / "http-parser" / "test.c").read_text("latin-1")
    array = text[text.index("const struct message requests[]"):text.index("const struct message responses[]")]
    for entry in re.split(r"\{\s*\.name\s*=", array)[1:]:
        name = string(re.match(r"\s*(%s)" % STRINGS, entry)[1])
        data = string(re.search(r"\.raw\s*=\s*(%s)" % STRINGS, entry)[1])
        yield Case(name.decode(), with_host(data), "served", 1)
    for number, (literal, error) in enumerate(calls(text), 1):
        yield Case("test_simple %d %s" % (number, error), with_host(string(literal)),
                   "served" if error in NOT_ERRORS else "refused")


def calls(text):
    """The literal messages of test_simple, and those of requests of
    test_simple_type."""
    one = r"test_simple\s*\(\s*(%s),\s*(HPE_\w+)\s*\)" % STRINGS
    typed = r"test_simple_type\s*\(\s*(%s),\s*(HPE_\w+),\s*HTTP_REQUEST\s*\)" % STRINGS
    return re.findall(one, text) + re.findall(typed, text)


def string(literals):
    """The bytes of C's adjacent string literals, which are Python's, too."""
    return "".join(ast.literal_eval(part) for part in re.findall(STRING, literals)).encode("latin-1")
