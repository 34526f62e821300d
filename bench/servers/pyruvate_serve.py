"""Pyruvate: pyruvate_serve.py MODULE ADDRESS THREADS; it is run from Python."""

import importlib
import os
import sys

import pyruvate

sys.path.insert(0, os.getcwd())
module, address, threads = sys.argv[1:]
pyruvate.serve(importlib.import_module(module).application, address, int(threads))
