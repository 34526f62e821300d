"""A process that finds out what objects are.

It answers the questions that the module for Python 3 describes, but "create": what
factories are called with is for Python 3 to say.
"""

import marshal
import sys
import types

from pasted_worker import failure, streams
from pasted_worker.context import load_object
from pasted_worker.frames import DRAIN, FOUND, PROBE


class Probe(object):
    """This process, once it has been set up as a worker is."""

    def __init__(self, asker, control, load):
        sys.dont_write_bytecode = True  # to find out changes nothing
        self._control = control

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
            self._control.send(FOUND, answer, frame.number)

    def _answer(self, question):
        try:
            if question["do"] != "import":
                raise NotImplementedError(
                    "a worker of Python 2.7 cannot tell what factories are called with")
            return {"spec": spec_of(load_object(question["object"]))}
        except:  # noqa: E722  the code's own SystemExit, a string or an old class too
            told = failure.describe("import")
            kind = sys.exc_info()[0]
            told["bases"] = [base.__name__ for base in getattr(kind, "__mro__", (kind,))[1:-1]
                             if base.__name__ not in ("Exception", "BaseException")]
            return {"error": told}


def spec_of(found):
    """Return "module:name" of an object, "module NAME" for a module."""
    if isinstance(found, types.ModuleType):
        return "module %s" % found.__name__
    module, name = getattr(found, "__module__", None), getattr(found, "__name__", None)
    if module and name:
        return "%s:%s" % (module, name)
    return "object %r" % (found,)
