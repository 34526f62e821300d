"""What the application says: wsgi.errors, logging, tracebacks."""

import logging
import threading

from pasted_worker.text import utf8

LINE = 16 * 1024  # bytes; a longer line becomes several

# current.lane is the lane that this thread serves, if it serves one.
current = threading.local()


class Log(object):
    """Pasted's log, as every thread of this process may write to it."""

    def __init__(self, control):
        self.control = control  # another one after a fork
        self._joining = threading.Lock()

    def write(self, level, text, number=0):
        """Log each line of text, at a level of logging's, for a request or 0."""
        pieces = []
        for line in text.split("\n"):
            for start in range(0, len(line) or 1, LINE):
                pieces.append(utf8(line[start:start + LINE]))
        self.control.log(level, pieces, number)

    def join(self, stream, text):
        """Add text to what stream has not logged yet, and log whole lines."""
        with self._joining:
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


class ErrorStream(object):
    """wsgi.errors of one request: whole lines go to the log.

    It may be written to from every thread, and after the request's end.
    """

    __slots__ = ("_log", "number", "rest", "ended", "softspace", "__weakref__")

    name = "<wsgi.errors>"
    mode = "w"
    encoding = "utf-8"
    errors = "replace"
    newlines = None
    closed = False

    def __init__(self, log, number):
        self._log = log
        self.number = number
        self.rest = ""
        self.ended = False
        self.softspace = 0  # of the print statement

    def write(self, text):
        if not isinstance(text, basestring):
            raise TypeError("write() to wsgi.errors of %r: want a str" % (text,))
        if text:
            self._log.join(self, utf8(text))

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

    def isatty(self):
        return False


class LogHandler(logging.Handler):
    """Gives log records to Pasted's log, with the request that they are about.

    It stands at the root where the file has no [loggers], as pserve's
    basicConfig() would.
    """

    def __init__(self, log):
        logging.Handler.__init__(self)
        self._log = log
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record):
        try:
            text = self.format(record)
            self._log.write(record.levelno, text, current.lane.number if hasattr(current, "lane") else 0)
        except Exception:
            self.handleError(record)
