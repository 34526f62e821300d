"""Modules in the place of Paste's and PasteDeploy's, where those are missing.

A probe that is told so has them: what makes components of others is there by
the names that it has in Paste, makes the same of its options and raises the same
errors, so that it can be seen what a file stands for. What it makes serves
nothing. A module that is installed comes first.
"""

import sys

import pasted_worker
from pasted_worker.importer import SourceImporter

_MODULES = {
    "paste.urlmap": "standin_urlmap",
    "paste.cascade": "standin_cascade",
    "paste.deploy.config": "standin_config",
}


def install():
    """Make the modules importable, after all others."""
    loader = pasted_worker.__spec__.loader
    sources = {"paste": "", "paste.deploy": ""}
    for name, ours in _MODULES.items():
        sources[name] = loader.get_source("pasted_worker." + ours)
    sys.meta_path.append(SourceImporter(sources))
