"""The life of a process: load, fork or serve, end."""

import faulthandler
import gc
import logging
import logging.config
import marshal
import os
import random
import signal
import socket
import sys
import threading
import time

from pasted_worker import control as wire
from pasted_worker import errors, lane, loading, run_after_fork, title

PR_SET_PDEATHSIG = 1

# Imported before the fork, so that no worker needs to; some Pythons lack it.
try:
    import ctypes
except ImportError:
    ctypes = None


def run(connection):
    """Be the template, or a worker, that the Load frame says."""
    connection.set_inheritable(False)
    process = Process(wire.Control(connection))
    process.start()


def flush():
    """Write out what the standard streams hold; a fork would double it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # replaced by nothing, or closed


class Stage(Exception):
    """An exception of the application, and in which stage it was raised."""

    def __init__(self, name, error):
        super().__init__(name)
        self.name = name
        self.error = error


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
            number = lane.current.number
        except AttributeError:
            number = 0  # not a lane's thread
        try:
            for line in self.format(record).split("\n"):
                self._log(record.levelno, line, number)
        except Exception:
            self.handleError(record)


class Process:
    """This process. After a fork it is another with another connection."""

    def __init__(self, control):
        self._listen(control)
        self._load = None
        self._roots = []
        self._lanes = []
        self._descriptors = []
        self._threads = []
        self._ended = False

    def _listen(self, control):
        self._control = control
        control.on(wire.DRAIN, lambda aux, number, payload: setattr(self, "_ended", True))

    # What contexts and lanes use; the connection changes with the fork.

    def ask(self, value):
        return self._control.ask(value)

    def log(self, level, text, number):
        self._control.send_raw(wire.LOG, text.encode("utf-8", "backslashreplace"), number, level)

    def start(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            faulthandler.enable()
        except (AttributeError, ValueError, OSError):
            pass  # no stderr
        title.prepare()
        self._hello()
        self._control.on(wire.LOAD, lambda aux, number, payload: setattr(self, "_load", marshal.loads(payload)))
        while self._load is None:
            self._control.step()
        if self._load["mode"] == "template":
            title.set("pasted_worker template %s" % self._load.get("title", ""))
        began = time.time()
        try:
            self._prepare()
            self._build()
        except Stage as stage:
            self._fail(stage.name, stage.error)
            flush()
            os._exit(1)  # threads that the application has started do not hold it
        if hasattr(gc, "freeze"):
            gc.collect()
            gc.freeze()
        self._control.send(wire.LOADED, {"seconds": time.time() - began})
        if self._load["mode"] == "template":
            self._control.on(wire.FORK, self._fork)
        else:
            self._become_worker()
        self._loop()

    def _hello(self):
        self._control.send(wire.HELLO, {"pid": os.getpid(), "version": list(sys.version_info[:3])})

    def _fail(self, name, error, number=0):
        self._control.send(wire.FAILED, errors.describe(name, error), number)

    def _loop(self):
        while not self._ended:
            self._control.step()
        for thread in self._threads:
            thread.join()

    # Loading.

    def _prepare(self):
        load = self._load
        if sys.path and sys.path[0] == "":
            del sys.path[0]  # which -c has put there
        sys.path[:0] = load.get("path", [])
        sys.path.extend(p for p in load.get("path_end", []) if p not in sys.path)
        if load.get("umask", -1) >= 0:
            os.umask(load["umask"])
        self._stage("logging", self._configure_logging)
        if load.get("setup"):
            self._stage("setup", self._set_up)

    def _stage(self, name, function, *args):
        try:
            return function(*args)
        except BaseException as error:
            raise Stage(name, error)

    def _configure_logging(self):
        if not self._load.get("logging"):
            logging.getLogger().addHandler(LogHandler(self.log))
            return
        path = self._load["file"]
        defaults = dict(self._load.get("vars") or {})
        defaults.update({"__file__": path, "here": os.path.dirname(path)})
        logging.config.fileConfig(path, defaults, disable_existing_loggers=False)

    def _set_up(self):
        module, _, attr = self._load["setup"].partition(":")
        loading.load_object({"style": "factory", "module": module, "attr": attr})()

    def _build(self):
        for tree in self._load["roots"]:
            self._roots.append(self._stage("load", self._create, tree))

    def _create(self, tree):
        application = loading.Context(tree, self).create()
        if not callable(application):
            raise TypeError("%r, which was built for %s, is not callable: want a WSGI application"
                            % (application, tree.get("section") or tree.get("egg") or "the root"))
        return application

    # Forking.

    def _fork(self, aux, number, payload):
        """Fork the worker; leave it to the server, whose child it becomes.

        The template forks a process that forks the worker and ends, so that
        the worker's parent is the server, a child subreaper, and the template
        may end without it.
        """
        descriptor = self._control.descriptors(1)[0]
        flush()
        try:
            between = os.fork()
        except OSError as error:
            os.close(descriptor)
            self._fail("fork", error, number)
            return
        if between:
            os.close(descriptor)
            try:
                os.waitpid(between, 0)
            except ChildProcessError:
                pass  # the application ignores SIGCHLD: nothing is left to wait for
            return
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            os._exit(1)
        self._be_born(number, descriptor)

    def _be_born(self, number, descriptor):
        self._control.close()
        self._listen(wire.Control(socket.socket(fileno=descriptor)))
        title.set("pasted_worker %d %s" % (number, self._load.get("title", "")))
        os.setpgid(0, 0)
        self._die_with_the_server()
        if sys.version_info < (3, 7):
            random.seed()
        try:
            run_after_fork()
        except BaseException as error:
            self._fail("after_fork", error)
            os._exit(1)
        self._hello()
        self._take_lanes()

    def _die_with_the_server(self):
        server, deadline = self._load["server_pid"], time.time() + 10
        while os.getppid() != server:
            if time.time() > deadline:
                os._exit(1)
            time.sleep(0.0005)
        if ctypes is not None:
            try:
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            except (OSError, AttributeError):
                pass  # the end of the connection tells as well
        if os.getppid() != server:
            os._exit(1)

    # Serving.

    def _become_worker(self):
        try:
            run_after_fork()
        except BaseException as error:
            self._fail("after_fork", error)
            os._exit(1)
        self._take_lanes()

    def _take_lanes(self):
        control = self._control
        control.on(wire.LANES, lambda aux, number, payload: self._descriptors.extend(control.descriptors(aux)))
        control.on(wire.SERVE, self._serve)
        control.on(wire.CANCEL, lambda aux, number, payload: self._lanes[aux].cancel(number))

    def _serve(self, aux, number, payload):
        for index, descriptor in enumerate(self._descriptors):
            served = lane.Lane(index, descriptor, self._roots, self.log)
            thread = threading.Thread(target=served.run, name="lane %d" % index)
            thread.daemon = True  # joined in _loop
            self._lanes.append(served)
            self._threads.append(thread)
        for thread in self._threads:
            thread.start()
        self._control.send(wire.READY, {})
