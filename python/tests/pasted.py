"""A stand-in for Pasted: it starts Python processes and talks frames with them."""

import array
import collections
import ctypes
import marshal
import mmap
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE = os.path.dirname(HERE)
sys.path.insert(0, SIDE)

from pasted_worker.frames import *  # noqa: E402,F401,F403
from pasted_worker import fences, frames, ring  # noqa: E402

PYPY = sys.implementation.name == "pypy"
LOCKED = getattr(sys, "_is_gil_enabled", lambda: True)()  # one thread at a time, by the interpreter's lock

PATIENCE = 20      # seconds until a process that says nothing has failed
RING = 256 * 1024  # bytes of a lane's ring

Frame = collections.namedtuple("Frame", "kind flags aux number payload")
Reply = collections.namedtuple("Reply", "status fields body frames")


def read_source(*path):
    with open(os.path.join(SIDE, *path), encoding="utf-8") as f:
        return f.read()


def modules():
    sources = {}
    for name in sorted(os.listdir(os.path.join(SIDE, "pasted_worker"))):
        if name.endswith(".py"):
            full = ("pasted_worker." + name[:-3]).replace(".__init__", "")
            sources[full] = read_source("pasted_worker", name)
    return sources


def become_subreaper():
    """Make orphaned grandchildren children of this process, as Pasted does."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


class Connection:
    """Pasted's end of a control connection or of a lane."""

    def __init__(self):
        self.socket, self.theirs = socket.socketpair()
        self.socket.settimeout(PATIENCE)
        self._buffer = b""

    def send(self, kind, payload=b"", number=0, aux=0, flags=0, descriptors=()):
        frame = frames.HEAD.pack(len(payload), kind, flags, aux, number) + payload
        if descriptors:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
            sent = self.socket.sendmsg([frame], rights)
            frame = frame[sent:]
        if frame:  # of nothing it fails too, once the other end has gone
            self.socket.sendall(frame)

    def say(self, kind, value, **more):
        self.send(kind, self.encode(value), **more)

    encode = staticmethod(marshal.dumps)

    def next(self):
        """Return the next Frame, or None at the end."""
        head = self._take(16)
        if head is None:
            return None
        size, kind, flags, aux, number = frames.HEAD.unpack(head)
        return Frame(kind, flags, aux, number, self._take(size))

    def quiet(self, seconds=0.05):
        """Say whether nothing has come for so long."""
        return not self._buffer and not select.select([self.socket], [], [], seconds)[0]

    def _take(self, size):
        while len(self._buffer) < size:
            try:
                data = self.socket.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def close(self):
        self.socket.close()
        self.theirs.close()


class Ring:
    """Pasted's view of a lane's ring, as its package internal/board has it."""

    def __init__(self, slot, memory):
        self.slot = slot
        self.memory = memory
        self.at = 0  # what lies before this has been taken
        self._take, self._release = fences.fence()

    def look(self, begin, end):
        """Return the bytes from begin to end, but for those that have been taken."""
        base = begin - begin % len(self.memory)
        return bytes(self.memory[max(begin, self.at) - base:end - base])

    def free(self, end):
        """Give the worker its room up to end back."""
        self.slot[ring.FREED] = self.at = max(self.at, end)

    def take(self, begin, end):
        """Return what look does, and free it."""
        data = self.look(begin, end)
        self.free(end)
        return data

    def more(self, begin):
        """Return where the bytes end that lie untaken in the run that begins at begin, 0 if there are none."""
        end = self.slot[ring.TAIL]
        return end if self.slot[ring.RUN] == begin and end > self.at else 0

    def rest(self, begin):
        """Have the worker tell of what it puts into that run, if it goes on."""
        if self.slot[ring.RUN] == begin:
            self.slot[ring.ASLEEP] = 1
            self._take()
            self._release()


class Peer:
    """A Python process of Pasted's, seen from Pasted: its control connection."""

    connection = Connection

    def __init__(self):
        self.control = self.connection()
        self.lanes = []
        self.rings = []     # of the lanes, if there is a board
        self.said = []      # log lines as (level, text, number)
        self.answers = {}   # to Resolve frames, by (type, name)
        self.asked = []
        self.pid = None
        self.numbers = 0

    def await_(self, *kinds):
        """Return the next frame of one of the kinds, seeing to what comes before."""
        while True:
            frame = self.control.next()
            if frame is None:
                raise EOFError("the process has ended its control connection; it said %r" % (self.said,))
            if frame.kind == frames.LOG:
                self.said.append((frame.aux, frame.payload.decode("utf-8"), frame.number))
            elif frame.kind == frames.RESOLVE:
                question = marshal.loads(frame.payload)
                self.asked.append(question)
                answer = self.answers[question["type"], question["name"]]
                if callable(answer):
                    answer = answer(question)
                self.control.say(frames.ANSWER, answer, number=frame.number)
            if frame.kind in kinds:
                return frame
            if frame.kind == frames.FAILED:
                raise AssertionError(marshal.loads(frame.payload)["traceback"])

    def log(self):
        """Return the log lines so far, as texts."""
        self.control.send(frames.PING, number=7)
        self.await_(frames.PONG)
        return [text for _, text, _ in self.said]

    def await_log(self, text):
        while text not in [line for _, line, _ in self.said]:
            self.await_(frames.LOG)

    def hello(self):
        self.pid = marshal.loads(self.await_(frames.HELLO).payload)["pid"]

    def forked(self):
        """Return what fork returns, to be."""
        return Peer()

    def fork(self, number=1):
        """Return the worker that this process, a template, forks; it has said Hello."""
        worker = self.forked()
        self.control.send(frames.FORK, number=number, descriptors=[worker.control.theirs.fileno()])
        worker.control.theirs.close()
        worker.hello()
        return worker

    def serve(self, lanes=1, board=True):
        """Give the worker a board and lanes, and return when it serves them."""
        self.lanes = [self.connection() for _ in range(lanes)]
        if board:
            self.board = self.give_board(lanes)
        for start in range(0, lanes, frames.MAX_DESCRIPTORS):
            some = self.lanes[start:start + frames.MAX_DESCRIPTORS]
            self.control.send(frames.LANES, aux=len(some), descriptors=[c.theirs.fileno() for c in some])
        self.control.send(frames.SERVE)
        self.ready = marshal.loads(self.await_(frames.READY).payload)
        self.threads = self.ready["threads"]
        for lane in self.lanes:
            lane.theirs.close()

    def give_board(self, lanes, version=3, ring=RING):
        """Give the worker a board whose rings have so many bytes each, and return its words."""
        size = 64 * (1 + 2 * lanes)
        rings = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE
        with tempfile.TemporaryFile() as file:
            file.truncate(rings + lanes * ring)
            memory = memoryview(mmap.mmap(file.fileno(), 0)).cast("B")
            words = memory[:size].cast("Q")
            words[0], words[2], words[3] = version, ring, rings
            self.control.send(frames.BOARD, descriptors=[file.fileno()])
        self.rings = [
            Ring(words[8 * (1 + 2 * lane):][:16], memory[rings + lane * ring:][:ring])
            for lane in range(lanes)]
        return words

    def request(self, path="/", body=b"", root=0, lane=0, flags=0, **environ):
        """Send a request and return its number."""
        self.numbers += 1
        self.lanes[lane].say(
            frames.REQUEST, make_environ(path, body if not flags else None, **environ),
            number=self.numbers, aux=root, flags=flags)
        return self.numbers

    def reply(self, number, lane=0):
        """Return the Reply to a request; status is None if it failed before its head."""
        status, fields, body, seen = None, None, b"", []
        while True:
            frame = self.lanes[lane].next()
            if frame is None:
                raise EOFError("the lane has ended")
            if frame.number != number or frame.aux != lane:
                raise AssertionError("%r, want an answer to %d on lane %d" % (frame, number, lane))
            seen.append((frame.kind, frame.flags))
            if frame.kind == frames.HEAD_OF_ANSWER:
                status, fields, first = self.decode_head(frame.payload)
                body += first
            elif frame.kind == frames.DATA:
                body += frame.payload
            elif frame.kind == frames.SHARED:
                body += self.rings[lane].take(*frames.PLACES.unpack(frame.payload))
            if frame.flags & frames.FLAG_END:
                return Reply(status, fields, body, seen)

    @staticmethod
    def decode_head(payload):
        """Return the status, the fields and what follows them."""
        status, fields = marshal.loads(payload)
        return status, fields, payload[len(marshal.dumps((status, fields), 2)):]

    def get(self, path="/", **more):
        return self.reply(self.request(path, **more), more.get("lane", 0))

    def drain(self):
        for lane in self.lanes:
            lane.socket.shutdown(socket.SHUT_WR)
        self.control.send(frames.DRAIN)

    def wait(self):
        """Return the exit status, negative for a signal."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def end(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.disconnect()

    def disconnect(self):
        self.control.close()
        for lane in self.lanes:
            lane.close()


class Template(Peer):
    """A process that this one has started: a template, or a worker by itself."""

    python = sys.executable
    boot = "boot.py"
    modules = staticmethod(modules)

    def __init__(self, mode, roots, directory, arguments=(), **load):
        super().__init__()
        theirs = self.control.theirs.fileno()
        prelude = read_source(self.boot)
        boot = 'import os; exec(os.read(3, %d), {"__name__": "pasted_boot"})' % len(prelude)
        self.stderr = tempfile.TemporaryFile()
        self.stdout = tempfile.TemporaryFile()

        def pass_control():
            os.dup2(theirs, 3)
            os.set_inheritable(3, True)

        self.process = subprocess.Popen(
            [self.python] + list(arguments) + ["-c", boot, "label of the process"],
            preexec_fn=pass_control, pass_fds=[3], cwd=directory, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self.stdout, stderr=self.stderr)
        self.control.theirs.close()
        self.pid = self.process.pid
        self.control.socket.sendall(prelude.encode())
        self.control.say(frames.MODULES, self.modules())
        message = {
            "mode": mode, "server_pid": os.getpid(), "title": "site.ini", "file": "site.ini",
            "vars": {}, "logging": False, "path": [], "path_end": [directory], "umask": -1,
            "setup": None, "roots": roots,
            "worker_class": os.environ.get("PASTED_WORKER_CLASS", "threads"), "lanes": 8,
        }
        message.update(load)
        self.control.say(frames.LOAD, message)

    def failed(self):
        """Return what the next Failed frame says."""
        return marshal.loads(self.await_(frames.FAILED).payload)

    def output(self, stream):
        stream.seek(0)
        return stream.read().decode("utf-8", "replace")

    def wait(self):
        status = self.process.wait()
        self.pid = None
        return status

    def end(self):
        self.process.kill()
        self.process.wait()
        self.disconnect()
        self.stderr.close()
        self.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end()


def make_environ(path, body, **more):
    environ = {
        "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False, "wsgi.input_terminated": True, "SERVER_SOFTWARE": "Pasted/test",
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "",
        "REQUEST_URI": path, "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8080", "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "51234", "pasted.request_id": "0123456789abcdef",
        "HTTP_HOST": "127.0.0.1:8080", "HTTP_USER_AGENT": "tests/1", "HTTP_ACCEPT": "*/*",
    }
    if body is not None:
        environ["wsgi.input"] = body
    environ.update(more)
    return environ


def tree(module, attr, style="factory", type="application", protocol="paste.app_factory", **more):
    """Return the tree of a context that names an object."""
    tree.last += 1
    made = {
        "id": tree.last, "type": type, "protocol": protocol,
        "object": {"style": style, "module": module, "attr": attr},
        "egg": "", "distribution": "", "entry_point_name": "", "global_conf": {"here": "/site"},
        "local_conf": {}, "section": "app:main", "file": "site.ini", "line": 3,
        "loader": "config:/site/site.ini",
    }
    made.update(more)
    return made


tree.last = 0


def loaded(case, app):
    """Return a worker that has loaded the application with this source, until the test case ends."""
    become_subreaper()
    site = Site(app=app)
    case.addCleanup(site.close)
    worker = site.alone(tree("app", "make"))
    case.addCleanup(worker.end)
    worker.hello()
    worker.await_(frames.LOADED)
    return worker


class Site:
    """A directory with modules of an application."""

    process = Template

    def __init__(self, **sources):
        self.directory = tempfile.mkdtemp(prefix="pasted-side-")
        for name, source in sources.items():
            self.write(name + ".py", source)

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(textwrap.dedent(text))
        return path

    def template(self, *roots, **load):
        return self.process("template", list(roots), self.directory, **load)

    def alone(self, *roots, **load):
        return self.process("worker", list(roots), self.directory, **load)

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)
