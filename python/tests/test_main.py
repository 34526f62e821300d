"""What is imported when a process starts."""

import subprocess
import sys
import unittest

import pasted
from pasted_worker import main

IMPORT = """
import sys
sys.path.insert(0, %r)
import pasted_worker.process
print(*sys.modules)
"""


class Start(unittest.TestCase):
    def setUp(self):
        found = subprocess.check_output([sys.executable, "-S", "-c", IMPORT % pasted.SIDE])
        self.modules = set(found.decode().split())

    def test_what_is_compiled_ahead_is_what_is_imported(self):
        ours = {name for name in self.modules if name.startswith("pasted_worker.")}
        before = {"pasted_worker.deadline", "pasted_worker.frames"}  # by main itself
        self.assertEqual(set(main.NEEDED), ours - before)

    def test_large_modules_that_few_need_are_not_imported(self):
        large = {"asyncio", "configparser", "email", "importlib.metadata", "json", "logging.config",
                 "pathlib", "platform", "tempfile", "urllib.parse"}
        if sys.version_info < (3, 14):
            large |= {"ast", "inspect"}  # which others of Python's own import there
        self.assertEqual(large & self.modules, set())


if __name__ == "__main__":
    unittest.main()
