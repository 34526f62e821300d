"""A process that finds out what objects are and what factories are called with.

Questions come as Probe frames, one at a time, and each is answered by a Found
frame with the same number. A question is a dict, whose "do" says what to do:

    import   "object": what load_object() takes
             -> {"spec": "module:qualname", or "module NAME"}
    create   "context": a tree as Context takes it, "loader" in each node;
             "kind": "app", "filter" or "server"
             -> {"creation": JSON text, see record.create()}

Where the application's code raises, the answer is {"error": as in a Failed
frame, and "bases"}. A question that cannot be understood ends the process.
"""

import json
import marshal
import os
import sys

from pasted_worker import record, standin, streams
from pasted_worker.context import load_object
from pasted_worker.frames import DRAIN, FOUND, PROBE


class Probe:
    """This process, once it has been set up as a worker is.

    If load has "stand_ins" there are modules for what is missing of Paste.
    """

    def __init__(self, asker, control, load):
        if load.get("stand_ins"):
            standin.install()
        # A context that is created here takes more frames than in PasteDeploy;
        # what goes in a circle Pasted ends by PasteDeploy's measure.
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 4000))
        sys.dont_write_bytecode = True  # to find out changes nothing
        self._asker = asker
        self._control = control
        self._pid = os.getpid()

    def run(self):
        """Answer questions until told to drain."""
        while True:
            frame = self._control.next()
            if frame.kind == DRAIN:
                return
            if frame.kind != PROBE:
                raise RuntimeError("unexpected frame of kind %#x" % frame.kind)
            answer = self._answer(marshal.loads(frame.payload))
            streams.flush()
            if os.getpid() != self._pid:
                os._exit(1)  # forked by what was called, and come back out of it
            self._control.send(FOUND, answer, frame.number)

    def _answer(self, question):
        answer = {"import": self._import, "create": self._create}[question["do"]]
        return answer(question)

    def _import(self, question):
        try:
            return {"spec": record.spec_of(load_object(question["object"]))}
        except BaseException as error:  # the code's own SystemExit, too
            return {"error": record.raised("import", error)}

    def _create(self, question):
        try:
            creation = record.create(question["kind"], question["context"], self._asker)
        except BaseException as error:
            return {"error": record.raised("import", error)}
        return {"creation": json.dumps(creation)}
