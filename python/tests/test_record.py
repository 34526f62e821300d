"""What is written down while contexts are created."""

import inspect
import sys
import unittest

import test_context
from pasted_worker import record
from test_context import Answers, app_tree


class Looked(test_context.Case):
    def test_factory_that_is_noted_looks_like_itself(self):
        seen = []

        def looking(loader, global_conf):
            found = loader.app_context("x").object
            seen.extend([found.__name__, found.__module__, str(inspect.signature(found))])
            return loader.get_app("x")

        sys.modules["noting"].looking = looking
        made = app_tree(protocol="paste.composite_factory", object={
            "style": "factory", "module": "noting", "attr": "looking"})
        told = record.create("app", made, Answers(x={"context": app_tree()}))
        self.assertNotIn("error", told)
        self.assertEqual(seen, ["app", "test_context", "(global_conf, **local_conf)"])
        self.assertEqual([call["factory"].rpartition(".")[2] for call in told["calls"]], ["looking", "app"])


if __name__ == "__main__":
    unittest.main()
