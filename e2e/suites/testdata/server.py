"""A pasted that serves an application of a suite, for the runners beside."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
START_LIMIT = 60
STOP_LIMIT = 20

FILE = """[server:main]
use = {use}
listen = 127.0.0.1:{port} unix:{unix}
{options}

[pasted:workers]
python = {python}
path = {path}
processes = 1
threads = {threads}

[app:main]
paste.app_factory = {factory}
{settings}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def lines(settings):
    return "\n".join("%s = %s" % item for item in settings.items())


class Server:
    """Serves until stop; address and unix are where."""

    def __init__(self, pasted, factory, settings, path, use="egg:pasted#http", options=None, threads=4):
        self.temp = tempfile.TemporaryDirectory(prefix="suites-")  # in pasted-* root looks for admin sockets
        folder = pathlib.Path(self.temp.name)
        self.address, self.unix = ("127.0.0.1", free_port()), str(folder / "http.sock")
        ini, self.log = folder / "suite.ini", folder / "log"
        ini.write_text(FILE.format(
            use=use, port=self.address[1], unix=self.unix, options=lines(options or {}), python=sys.executable, threads=threads,
            path="\n    ".join([str(HERE)] + path), factory=factory, settings=lines(settings)))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [pasted, "serve", str(ini)], stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, "XDG_RUNTIME_DIR": self.temp.name})
        try:
            self._await()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _await(self):
        limit = time.monotonic() + START_LIMIT
        while not any(line.startswith("serving ") for line in self.said().splitlines()):
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError("pasted does not serve:\n" + self.said())
            time.sleep(0.02)

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "none in time"
        said = self.said()
        self.temp.cleanup()
        if code != 0 or "DATA RACE" in said or "\npanic: " in said:
            raise RuntimeError("pasted: exit code %s:\n%s" % (code, said))


@contextlib.contextmanager
def serving(*args, **kwargs):
    server = Server(*args, **kwargs)
    try:
        yield server
    finally:
        server.stop()
