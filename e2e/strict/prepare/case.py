"""What a suite's test is to us."""
import re


class Case:
    """Bytes that a client sends before it ends its sending, and the verdict."""

    def __init__(self, name, data, want, requests=None):
        self.name = name
        self.data = data.decode("latin-1")
        self.want = want  # "served", "refused", or "waits" where more must come
        self.requests = requests  # how many are in it; None: the suite does not say


def with_host(data):
    """Most suites are about something else than the Host field, which RFC 9112,
    3.2 wants in every request of HTTP/1.1. It is put in where there is none."""
    if re.search(rb"(?i)\nhost[ \t]*:", data):
        return data
    return re.sub(rb"( HTTP/1\.[1-9]\r\n)", rb"\1Host: x\r\n", data)
