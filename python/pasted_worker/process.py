"""The life of a process: load, fork or serve, end."""

import errno
import faulthandler
import gc
import logging
import marshal
import os
import socket
import sys
import threading
import time

from pasted_worker import (
    birth, board, failure, forksafety, greenlets, limits, run_after_fork, run_before_refork,
    signals, streams, title)
from pasted_worker.context import Context, load_object
from pasted_worker.control import Control
from pasted_worker.frames import (
    BOARD, DRAIN, FAILED, FORK, HELLO, LANES, LOAD, LOADED, PROMOTE, READY, SERVE, UNSAFE)
from pasted_worker.lane import Lane
from pasted_worker.log import Log, LogHandler


class Stage(Exception):
    """An exception of the application's, and in which stage it was raised."""

    def __init__(self, name, error):
        super().__init__(name)
        self.name = name
        self.error = error


class Process:
    """This process: a template or a worker, as the Load frame says.

    A template that has forked goes on as the new worker, with a connection of
    its own, in the same Process. first is the first frame of the connection;
    problem, if there is one, is why greenlets cannot serve.
    """

    def __init__(self, connection, first, problem=None):
        self._control = Control(connection, first)
        self._problem = problem
        self._log = Log(self._control)
        self._load = None
        self._files = None
        self._roots = []
        self._board = board.NONE
        self._lanes = []
        self._threads = []
        self._forking = None  # the thread that forks a worker
        self._known_threads = set()  # those that have been told of

    def run(self):
        """Do all that Pasted asks for, and return when the process is to exit."""
        try:
            self._settle()
            self._hello()
            if self._problem is not None:
                raise Stage("worker_class", self._problem)
            self._load_roots()
            if self._load["mode"] == "probe":
                from pasted_worker.probe import Probe  # as below: not imported where it is not needed
                Probe(self, self._control, self._load).run()
                return
            if self._load["mode"] == "template":
                if not self._be_template():
                    return
            else:
                self._in_stage("after_fork", run_after_fork)
            while self._be_worker():
                if not self._be_template():
                    return
        except Stage as stage:
            self._fail(stage)
            streams.flush()
            os._exit(1)  # threads that the application has started do not hold it

    def ask(self, value):
        """Return Pasted's answer to a question about a context; for loaders."""
        return self._control.ask(value)

    def _hello(self):
        self._control.send(HELLO, {"pid": os.getpid(), "version": list(sys.version_info[:3])})

    def _fail(self, stage, number=0):
        if self._files:
            self._control.tell(self._files.of(stage.error))
        self._control.send(FAILED, failure.describe(stage.name, stage.error), number)

    def _in_stage(self, name, function, *args):
        try:
            return function(*args)
        except BaseException as error:
            raise Stage(name, error)

    def _settle(self):
        """Become a process that Pasted alone stops, and whose words are seen."""
        signals.outlive()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._disown)
        else:
            from pasted_worker import forks  # not imported where it is not needed
            forks.in_child(self._disown)
        try:
            faulthandler.enable()
        except (AttributeError, ValueError, OSError):
            pass  # no standard error
        streams.write_lines_at_once()
        title.prepare()
        sys.argv[:] = ["pasted"]  # what stands there is for the process list alone
        if sys.path and sys.path[0] == "":
            del sys.path[0]  # which -c has put there

    # Loading.

    def _load_roots(self):
        self._load = load = marshal.loads(self._take(LOAD).payload)
        if load["mode"] == "template":
            title.set("pasted_worker template %s" % load.get("title", ""))
        began = time.monotonic()
        if load.get("watch") is not None:
            self._watch(load["watch"])
        self._prepare()
        for tree in load["roots"]:
            self._build(tree)
        if load["mode"] == "template":
            self._tell_unsafe()
        self._freeze()
        self._control.tell(self._control.imported())
        self._control.send(LOADED, {"seconds": time.monotonic() - began})

    def _freeze(self):
        """Collect what is not needed, and keep the collector from what workers share."""
        gc.collect()
        if hasattr(gc, "freeze"):
            gc.freeze()

    def _tell_unsafe(self):
        """Tell what does not survive a fork, before the collector forgets what there is."""
        try:
            findings = forksafety.find(own=[self._control.fileno()])
        except Exception as error:  # it is the application's objects that are looked at
            self._log.write(logging.WARNING, "what is not safe to fork could not be found out: %r" % error)
            findings = []
        self._known_threads = forksafety.identities()
        if findings:
            self._control.send(UNSAFE, findings)

    def _watch(self, assets):
        """Tell which files the application is made of, from now on."""
        # A compiled file is known by the second in which its source was saved:
        # two saves within one would be taken for the same.
        sys.dont_write_bytecode = True
        from pasted_worker.files import Files
        self._files = Files(assets, lambda text: self._log.write(logging.WARNING, text))
        self._control.imported = self._files.news

    def _prepare(self):
        load = self._load
        sys.path[:0] = load.get("path", [])
        sys.path.extend(p for p in load.get("path_end", []) if p not in sys.path)
        if self._files:
            from pasted_worker import reloader
            reloader.stand_in(lambda files: self._control.tell(files), load["server_pid"])
        limits.make_room(load.get("lanes", 0))
        if load.get("umask", -1) >= 0:
            os.umask(load["umask"])
        self._in_stage("logging", self._configure_logging)
        if load.get("setup"):
            self._in_stage("setup", self._set_up)

    def _configure_logging(self):
        if not self._load.get("logging"):
            logging.getLogger().addHandler(LogHandler(self._log))
            return
        from pasted_worker import logfile
        logfile.configure(self._load["file"], self._load.get("vars") or {})

    def _set_up(self):
        module, _, attr = self._load["setup"].partition(":")
        load_object({"style": "factory", "module": module, "attr": attr})()

    def _build(self, tree):
        application = self._in_stage("load", lambda: Context(tree, self).create())
        if not callable(application):
            name = tree.get("section") or tree.get("egg") or "the root"
            raise Stage("load", TypeError(
                "%r, which was built for %s, is not callable: want a WSGI application"
                % (application, name)))
        self._roots.append(application)

    def _take(self, *kinds):
        """Return the next frame, which must be of one of these kinds; exit on Drain."""
        frame = self._control.next()
        if frame.kind == DRAIN:
            sys.exit(0)
        if frame.kind not in kinds:
            raise Stage("protocol", RuntimeError("unexpected frame of kind %#x" % frame.kind))
        return frame

    # A template.

    def _be_template(self):
        """Fork workers until told to drain; return True in a worker."""
        while True:
            frame = self._control.next()
            if frame.kind == DRAIN:
                return False
            if frame.kind == FORK and self._fork(frame):
                return True

    def _fork(self, frame):
        """Fork the worker that frame is about; return whether this is it."""
        try:
            [descriptor] = _descriptors(frame)
        except OSError as error:
            self._fail(Stage("fork", error), frame.number)
            return False
        self._tell_late_threads()
        self._forking = threading.get_ident()
        try:
            forked = birth.fork()
        except OSError as error:
            greenlets.close(descriptor)
            self._fail(Stage("fork", error), frame.number)
            return False
        finally:
            self._forking = None
        if not forked:
            greenlets.close(descriptor)
            return False
        self._be_born(frame.number, descriptor)
        return True

    def _tell_late_threads(self):
        """Tell of threads that have been started since the application was loaded."""
        late = forksafety.threads(seen=self._known_threads)
        if late:
            self._known_threads |= forksafety.identities()
            self._control.send(UNSAFE, late[:forksafety.MOST])

    def _be_born(self, number, descriptor):
        self._control.close()
        imported = self._control.imported
        self._control = self._log.control = Control(socket.socket(fileno=descriptor))
        self._control.imported = imported
        title.set("pasted_worker %d %s" % (number, self._load.get("title", "")))
        birth.settle(self._load["server_pid"])
        self._hello()
        self._in_stage("after_fork", run_after_fork)

    # A worker.

    def _be_worker(self):
        """Serve the lanes that come, until told to drain or to become the template.

        The lanes end with that. Return whether this is the template now.
        """
        descriptors = []
        while True:
            frame = self._take(BOARD, LANES, SERVE)
            if frame.kind == SERVE:
                break
            if frame.kind == BOARD:
                self._board = self._in_stage("serve", board.attach, *_descriptors(frame))
                continue
            descriptors += self._in_stage("serve", _descriptors, frame)
        self._in_stage("serve", self._serve, descriptors)
        self._control.send(READY, {
            "board": self._board is not board.NONE,
            "threads": [] if greenlets.used() else [
                t.native_id for t in self._threads if hasattr(t, "native_id")],
        })
        while True:
            kind = self._control.next().kind
            if kind == PROMOTE:
                self._in_stage("refork", self._retire)
                return True
            if kind == DRAIN:
                break
        # Cancel frames and answers still come while requests are finished.
        threading.Thread(target=self._listen, name="pasted control", daemon=True).start()
        for thread in self._threads:
            thread.join()
        return False

    def _retire(self):
        """Become a template when the lanes have ended, with all that requests have warmed up."""
        for thread in self._threads:
            thread.join()
        self._board.stop()
        self._board = board.NONE
        forksafety.await_joined()
        self._lanes, self._threads = [], []
        self._control.cancelled = lambda index, number: None
        self._control.expired = lambda index, number, gone: None
        run_before_refork()
        title.set("pasted_worker template %s" % self._load.get("title", ""))
        self._tell_unsafe()
        self._freeze()
        self._control.send(LOADED, {"seconds": 0.0})

    def _serve(self, descriptors):
        for index, descriptor in enumerate(descriptors):
            lane = Lane(index, descriptor, self._roots, self._log, self._board)
            self._lanes.append(lane)
            self._threads.append(threading.Thread(
                target=lane.run, name="pasted lane %d" % index, daemon=True))
        self._control.cancelled = lambda index, number: self._lanes[index].cancelled.add(number)
        self._control.expired = lambda index, number, gone: self._lanes[index].expire(number, gone)
        for thread in self._threads:
            thread.start()
        self._board.start()

    def _listen(self):
        while True:
            self._control.next()

    def _disown(self):
        """Leave all connections to the worker: the application has forked a process."""
        if self._forking == threading.get_ident():
            return  # it was not the application
        self._log.abandon()
        for lane in self._lanes:
            lane.abandon()


def _descriptors(frame):
    """Return the descriptors of a frame that carries some."""
    if frame.descriptors is None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return frame.descriptors
