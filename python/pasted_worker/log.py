"""What the application says: wsgi.errors, logging, tracebacks."""

import io
import logging
import threading

LINE = 16 * 1024        # characters; a longer line becomes several
TRACEBACK = 256 * 1024  # bytes; of a longer one the rest is left out

# current.lane is the lane that this thread serves, if it serves one.
current = threading.local()


class _NoShield:
    def __enter__(self):
        pass

    def __exit__(self, *exc_info):
        pass


_no_shield = _NoShield()


def shield():
    """Return the Shield of the lane that this thread serves, or what shields nothing.

    Locks are taken in it that others wait for, and frames sent that must be whole.
    In Python 3.14 what is raised from outside in a thread that waits for a lock
    comes up when it has the lock, before the with statement that would release it.
    """
    lane = getattr(current, "lane", None)
    return _no_shield if lane is None else lane.shield


class Log:
    """Pasted's log, as every thread of this process may write to it."""

    def __init__(self, control):
        self.control = control  # another one after a fork
        self._joining = threading.Lock()

    def write(self, level, text, number=0):
        """Log each line of text, at a level of logging's, for a request or 0."""
        pieces = []
        for line in text.split("\n"):
            for start in range(0, len(line) or 1, LINE):
                pieces.append(line[start:start + LINE].encode("utf-8", "backslashreplace"))
        self.control.log(level, pieces, number)

    def failed(self, traceback, request_line, number):
        """Log what the application has raised, as one record of many lines."""
        text = "%s\n%s" % (request_line, traceback.rstrip("\n"))
        self.control.log_failed(text.encode("utf-8", "backslashreplace")[:TRACEBACK], number)

    def join(self, stream, text):
        """Add text to what stream has not logged yet, and log whole lines."""
        with shield(), self._joining:
            text = stream.rest + text
            end = text.rfind("\n")
            if stream.ended or len(text) - end > LINE:
                end = len(text)
            stream.rest = text[end + 1:]
        if end > 0 or text[:1] == "\n":
            self.write(logging.WARNING, text[:end], stream.number)

    def abandon(self):
        """Do without Pasted: see Control.abandon."""
        self._joining = threading.Lock()
        self.control.abandon()


class ErrorStream:
    """wsgi.errors of one request: whole lines go to the log.

    It may be written to from every thread, and after the request's end.
    """

    __slots__ = ("_log", "number", "rest", "ended", "__weakref__")

    name = "<wsgi.errors>"
    mode = "w"
    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    closed = False

    def __init__(self, log, number):
        self._log = log
        self.number = number
        self.rest = ""
        self.ended = False

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError("write() to wsgi.errors of %r: want a str" % (text,))
        if text:
            self._log.join(self, text)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        """Do nothing: an unfinished line is logged when the request ends."""

    def end(self):
        """Log what is left. What comes later is logged as it comes."""
        self.ended = True
        if self.rest:
            self._log.join(self, "")

    def close(self):
        """Do nothing: the stream is the server's to close."""

    def writable(self):
        return True

    def readable(self):
        return False

    def seekable(self):
        return False

    def isatty(self):
        return False

    def fileno(self):
        raise io.UnsupportedOperation("wsgi.errors has no descriptor")


io.TextIOBase.register(ErrorStream)


class LogHandler(logging.Handler):
    """Gives log records to Pasted's log, with the request that they are about.

    It stands at the root where the file has no [loggers], as pserve's
    basicConfig() would.
    """

    def __init__(self, log):
        super().__init__()
        self._log = log
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record):
        try:
            text = self.format(record)
            self._log.write(record.levelno, text, current.lane.number if hasattr(current, "lane") else 0)
        except Exception:
            self.handleError(record)
