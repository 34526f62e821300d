"""FastWSGI in several processes: fastwsgi_serve.py MODULE HOST:PORT PROCESSES.

Its own command line knows one process.
"""

import importlib
import os
import sys

import fastwsgi

sys.path.insert(0, os.getcwd())
module, address, processes = sys.argv[1:]
host, port = address.rsplit(":", 1)
fastwsgi.run(importlib.import_module(module).application, host, int(port), 3, int(processes))
