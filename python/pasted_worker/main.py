"""Where the boot line goes on, once the modules can be imported."""

import marshal
import os
import sys

from pasted_worker.frames import DRAIN, HEAD, LOAD

# The modules that every process imports.
NEEDED = tuple("pasted_worker." + name for name in """
    answer birth board body context control environ failure fences forksafety greenlets
    installed lane limits loader log objects process ring signals streams title
""".split())


def run(connection):
    """Be the process that Pasted asks for over its control connection.

    The first frame says what is to be loaded, and whether greenlets are to serve.
    Those want to be there before anything that waits: so the rest of the Python
    side is imported after it. It is compiled before: a process that has been
    started early has the time.
    """
    connection.set_inheritable(False)
    __spec__.loader.compile_ahead(NEEDED)
    size, kind, flags, aux, number = HEAD.unpack(_read(connection, HEAD.size))
    payload = _read(connection, size)
    if kind == DRAIN:
        sys.exit(0)
    load, problem = marshal.loads(payload) if kind == LOAD else {}, None
    if load.get("streams"):
        _take_streams()
    if load.get("worker_class") == "gevent":
        from pasted_worker import greenlets
        connection, problem = greenlets.begin(connection, load)
    from pasted_worker.control import Frame
    from pasted_worker.process import Process
    Process(connection, Frame(kind, flags, aux, number, payload, []), problem).run()


def _take_streams():
    """Have what descriptors 4 and 5 are in the place of the standard streams, which lead nowhere."""
    for given, standard in ((4, 1), (5, 2)):
        os.dup2(given, standard)
        os.close(given)


def _read(connection, size):
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            sys.exit(0)
        data += piece
    return data
