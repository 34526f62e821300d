"""llhttp, in aiohttp's distribution: test/request, Markdown with a request and
the parser's events one after the other."""
import json
import re

from case import Case, with_host

TITLE = re.compile(r"^#{1,4} ", re.M)
TEST = re.compile(r"<!-- meta=(\{.*?\}) -->\s*```http\n(.*?)```\s*(?:.*?```log\n(.*?)```)?", re.S)

# Of the error codes, PAUSED_UPGRADE (22) says that the request is good.
PAUSED_UPGRADE = "22"


def read(folder):
    for path in sorted((folder / "vendor" / "llhttp" / "test" / "request").glob("*.md")):
        for section in TITLE.split(path.read_text("utf-8"))[1:]:
            test = TEST.search(section)
            if test and json.loads(test[1])["type"] in ("request", "request-finish"):
                name = path.stem + ": " + section.split("\n")[0]
                yield Case(name, with_host(unescape(test[2])), *verdict(test[3] or ""))


def unescape(text):
    """A line end is CRLF, one behind a backslash none; the rest is as in C."""
    text = text[:-1] if text.endswith("\n") else text
    text = re.sub(r"\\\n", "", text).replace("\n", "\r\n")
    for escape, char in (("r", "\r"), ("n", "\n"), ("t", "\t"), ("f", "\f")):
        text = text.replace("\\" + escape, char)
    text = re.sub(r"\\x([0-9a-fA-F]+)", lambda m: chr(int(m[1], 16)), text)
    text = re.sub(r"\\([0-7]{1,3})", lambda m: chr(int(m[1], 8)), text)
    return text.encode("utf-8")


def verdict(log):
    error = re.search(r"error code=(\d+)", log)
    requests = log.count("message complete")
    if error and error[1] != PAUSED_UPGRADE:
        return "refused", None
    return ("served", requests) if requests else ("waits", None)
