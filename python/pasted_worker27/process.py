"""The life of a process: load, fork or serve, end."""

import errno
import gc
import logging
import marshal
import os
import sys
import thread
import threading
import time

from pasted_worker import (
    birth, failure, forks, logfile, reloader, run_after_fork, signals, streams, title)
from pasted_worker.context import Context, load_object
from pasted_worker.control import Control
from pasted_worker.files import Files
from pasted_worker.frames import (
    DRAIN, FAILED, FORK, HELLO, LANES, LOAD, LOADED, READY, SERVE)
from pasted_worker.lane import Lane
from pasted_worker.log import Log, LogHandler
from pasted_worker.probe import Probe


class Stage(Exception):
    """An exception of the application's, and in which stage it was raised."""

    def __init__(self, name, exc_info):
        Exception.__init__(self, name)
        self.name = name
        self.exc_info = exc_info


class Process(object):
    """This process: a template or a worker, as the Load frame says.

    A template that has forked goes on as the new worker, with a connection of
    its own, in the same Process.
    """

    def __init__(self, descriptor):
        self._control = Control(descriptor)
        self._log = Log(self._control)
        self._load = None
        self._files = None
        self._roots = []
        self._lanes = []
        self._threads = []
        self._forking = None  # the thread that forks a worker

    def run(self):
        """Do all that Pasted asks for, and return when the process is to exit."""
        try:
            self._settle()
            self._hello()
            self._load_roots()
            if self._load["mode"] == "probe":
                Probe(self, self._control, self._load).run()
                return
            if self._load["mode"] == "template":
                if not self._be_template():
                    return
            else:
                self._in_stage("after_fork", run_after_fork)
            self._be_worker()
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
            self._control.tell(self._files.of(stage.exc_info))
        self._control.send(FAILED, failure.describe(stage.name, stage.exc_info), number)

    def _in_stage(self, name, function, *args):
        try:
            return function(*args)
        except:  # noqa: E722  a string or an old class too
            raise Stage(name, sys.exc_info())

    def _settle(self):
        """Become a process that Pasted alone stops, and whose words are seen."""
        signals.outlive()
        forks.in_child(self._disown)
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
        began = time.time()
        if load.get("watch") is not None:
            self._watch(load["watch"])
        self._prepare()
        for tree in load["roots"]:
            self._build(tree)
        gc.collect()
        self._control.tell(self._control.imported())
        self._control.send(LOADED, {"seconds": time.time() - began})

    def _watch(self, assets):
        """Tell which files the application is made of, from now on."""
        # A compiled file is known by the second in which its source was saved:
        # two saves within one would be taken for the same.
        sys.dont_write_bytecode = True
        self._files = Files(assets, lambda text: self._log.write(logging.WARNING, text))
        self._control.imported = self._files.news

    def _prepare(self):
        load = self._load
        sys.path[:0] = load.get("path", [])
        sys.path.extend(p for p in load.get("path_end", []) if p not in sys.path)
        if self._files:
            reloader.stand_in(lambda files: self._control.tell(files), load["server_pid"])
        if load.get("umask", -1) >= 0:
            os.umask(load["umask"])
        self._in_stage("logging", self._configure_logging)
        if load.get("setup"):
            self._in_stage("setup", self._set_up)

    def _configure_logging(self):
        if not self._load.get("logging"):
            logging.getLogger().addHandler(LogHandler(self._log))
            return
        logfile.configure(self._load["file"], self._load.get("vars") or {})

    def _set_up(self):
        module, _, attr = self._load["setup"].partition(":")
        load_object({"style": "factory", "module": module, "attr": attr})()

    def _build(self, tree):
        self._roots.append(self._in_stage("load", self._built, tree))

    def _built(self, tree):
        application = Context(tree, self).create()
        if not callable(application):
            name = tree.get("section") or tree.get("egg") or "the root"
            raise TypeError(
                "%r, which was built for %s, is not callable: want a WSGI application"
                % (application, name))
        return application

    def _take(self, *kinds):
        """Return the next frame, which must be of one of these kinds; exit on Drain."""
        frame = self._control.next()
        if frame.kind == DRAIN:
            sys.exit(0)
        if frame.kind not in kinds:
            self._in_stage("protocol", _unexpected, frame)
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
        self._forking = thread.get_ident()
        try:
            [descriptor] = self._in_stage("fork", _descriptors, frame)
            forked = self._in_stage("fork", birth.fork)
        except Stage as stage:
            for descriptor in frame.descriptors or ():
                os.close(descriptor)
            self._fail(stage, frame.number)
            return False
        finally:
            self._forking = None
        if not forked:
            os.close(descriptor)
            return False
        self._be_born(frame.number, descriptor)
        return True

    def _be_born(self, number, descriptor):
        self._control.close()
        imported = self._control.imported
        self._control = self._log.control = Control(descriptor)
        self._control.imported = imported
        title.set("pasted_worker %d %s" % (number, self._load.get("title", "")))
        birth.settle(self._load["server_pid"])
        self._hello()
        self._in_stage("after_fork", run_after_fork)

    # A worker.

    def _be_worker(self):
        """Serve the lanes that come, until told to drain and they have ended."""
        descriptors = []
        while True:
            frame = self._take(LANES, SERVE)
            if frame.kind == SERVE:
                break
            descriptors += self._in_stage("serve", _descriptors, frame)
        self._in_stage("serve", self._serve, descriptors)
        self._control.send(READY, {"threads": []})
        while self._control.next().kind != DRAIN:
            pass
        # Cancel frames and answers still come while requests are finished.
        listening = threading.Thread(target=self._listen, name="pasted control")
        listening.daemon = True
        listening.start()
        for serving in self._threads:
            serving.join()

    def _serve(self, descriptors):
        for index, descriptor in enumerate(descriptors):
            lane = Lane(index, descriptor, self._roots, self._log)
            self._lanes.append(lane)
            serving = threading.Thread(target=lane.run, name="pasted lane %d" % index)
            serving.daemon = True
            self._threads.append(serving)
        self._control.cancelled = lambda index, number: self._lanes[index].cancelled.add(number)
        for serving in self._threads:
            serving.start()

    def _listen(self):
        try:
            while True:
                self._control.next()
        except:  # noqa: E722  as Python ends, it takes modules from under its threads
            pass

    def _disown(self):
        """Leave all connections to the worker: the application has forked a process."""
        if self._forking == thread.get_ident():
            return  # it was not the application
        self._log.abandon()
        for lane in self._lanes:
            lane.abandon()


def _unexpected(frame):
    raise RuntimeError("unexpected frame of kind %#x" % frame.kind)


def _descriptors(frame):
    """Return the descriptors of a frame that carries some."""
    if frame.descriptors is None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    return frame.descriptors
