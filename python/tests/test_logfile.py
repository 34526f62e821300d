"""Logging sections: what is wrong with them is said with file and line."""

import logging
import os
import shutil
import tempfile
import textwrap
import unittest

import pasted  # noqa: F401  makes pasted_worker importable
from pasted_worker import failure, logfile

GOOD = """\
    [loggers]
    keys = root, one
    [handlers]
    keys = h
    [formatters]
    keys = f
    [logger_root]
    handlers = h
    [logger_one]
    qualname = one
    handlers =
    [handler_h]
    class = NullHandler
    args = ()
    formatter = f
    [formatter_f]
    format = %(message)s
"""


class Blame(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.addCleanup(setattr, logging.root, "handlers", logging.root.handlers[:])

    def write(self, text):
        path = os.path.join(self.directory, "site.ini")
        with open(path, "w") as f:
            f.write(textwrap.dedent(text))
        return path

    # What is changed in GOOD, the section that is blamed, its line, and what is wanted.
    WRONG = [
        ("[formatters]", "[other]", "loggers", 1, "[formatters]"),
        ("[handlers]", "[other]", "loggers", 1, "[handlers]"),
        ("keys = h\n", "keys = h, i\n", "handlers", 3, "[handler_i]"),
        ("keys = f\n", "", "formatters", 5, None),
        ("keys = root, one", "keys = one", "loggers", 1, None),
        ("keys = root, one", "keys = root, two", "loggers", 1, "[logger_two]"),
        ("[logger_root]", "[other]", "loggers", 1, None),
        ("handlers = h", "handlers = none", "logger_root", 7, None),
        ("handlers =\n", "handlers = none\n", "logger_one", 9, None),
        ("qualname = one\n", "", "logger_one", 9, None),
        ("class = NullHandler", "class = not_there.Handler", "handler_h", 12, None),
        ("args = ()", "args = (", "handler_h", 12, None),
        ("args = ()", "args = (1, 2)", "handler_h", 12, None),
        ("args = ()", "args = (%(none)s)", "handler_h", 12, None),
        ("formatter = f", "formatter = g", "handler_h", 12, None),
        ("format = %(message)s\n", "class = not_there.Formatter\n", "formatter_f", 16, None),
    ]

    def test_section_and_line_are_named(self):
        for old, new, section, line, wanted in self.WRONG:
            with self.subTest(new):
                self.assertEqual(GOOD.count(old), 1)
                path = self.write(GOOD.replace(old, new))
                with self.assertRaises(Exception) as caught:
                    logfile.configure(path, {})
                told = failure.describe("logging", caught.exception)
                self.assertEqual(told["where"], {"section": section, "file": path, "line": line})
                self.assertEqual("want a section" in told["traceback"], wanted is not None)
                if wanted:
                    self.assertIn("%s:%d: [%s]: want a section %s\n" % (path, line, section, wanted), told["traceback"])

    def test_good_ones_are_applied(self):
        logfile.configure(self.write(GOOD), {})
        self.assertEqual([type(h) for h in logging.root.handlers], [logging.NullHandler])

    def test_file_that_is_not_there_blames_no_section(self):
        with self.assertRaises(Exception) as caught:
            logfile.configure("/none/site.ini", {})
        self.assertIsNone(failure.describe("logging", caught.exception)["where"])

    def test_keys_that_differ_by_case_are_refused_as_by_pserve(self):
        path = self.write(GOOD + "[app:main]\nA = 1\na = 2\n")
        with self.assertRaisesRegex(Exception, "option 'a' in section 'app:main' already exists"):
            logfile.configure(path, {})


if __name__ == "__main__":
    unittest.main()
