"""bjoern in several processes: bjoern_serve.py MODULE ADDRESS PROCESSES.

ADDRESS is HOST:PORT or unix:PATH. Its own command line knows one process.
"""

import importlib
import os
import signal
import sys

import bjoern


def main(module, address, processes):
    application = importlib.import_module(module).application
    if address.startswith("unix:"):
        bjoern.listen(application, address)
    else:
        host, port = address.rsplit(":", 1)
        bjoern.listen(application, host, int(port))
    children = []
    for _ in range(int(processes)):
        pid = os.fork()
        if pid == 0:
            bjoern.run()
            os._exit(0)
        children.append(pid)

    def stop(*_):
        for child in children:
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    os.wait()


sys.path.insert(0, os.getcwd())
main(*sys.argv[1:])
