"""Where the boot line goes on, once the modules can be imported."""

import marshal
import sys

from pasted_worker.frames import DRAIN, HEAD, LOAD


def run(connection):
    """Be the process that Pasted asks for over its control connection.

    The first frame says what is to be loaded, and whether greenlets are to serve.
    Those want to be there before anything that waits: so the rest of the Python
    side is imported after it.
    """
    connection.set_inheritable(False)
    size, kind, flags, aux, number = HEAD.unpack(_read(connection, HEAD.size))
    payload = _read(connection, size)
    if kind == DRAIN:
        sys.exit(0)
    problem = None
    if kind == LOAD and marshal.loads(payload).get("worker_class") == "gevent":
        from pasted_worker import greenlets
        connection, problem = greenlets.begin(connection, marshal.loads(payload))
    from pasted_worker.control import Frame
    from pasted_worker.process import Process
    Process(connection, Frame(kind, flags, aux, number, payload, []), problem).run()


def _read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data
