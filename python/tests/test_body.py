"""Bodies: what a request's body is to its reader, and which files are handed over."""

import gzip
import io
import os
import tempfile
import unittest

import pasted  # noqa: F401  finds the modules under test
from pasted_worker.body import FIRST, LEAST, BodyBroken, FileWrapper, RequestBody


def body_of(*pieces):
    """Return wsgi.input of a body whose answers to questions are given."""
    left = list(pieces)

    def ask(size):
        data, ended, broken = left.pop(0)
        assert len(data) <= size
        return memoryview(data), ended, broken

    return io.BufferedReader(RequestBody(ask), FIRST)


READS = [
    lambda body: body.read(),
    lambda body: body.read(100),
    lambda body: body.readline(),
    lambda body: body.readlines(),
    lambda body: list(body),
]


class RequestBodyTest(unittest.TestCase):

    def test_pieces_make_a_body(self):
        whole = (b"one\ntw", False, False), (b"o\nthree", False, False), (b"", True, False)
        self.assertEqual(body_of(*whole).read(), b"one\ntwo\nthree")
        self.assertEqual(body_of(*whole).readlines(), [b"one\n", b"two\n", b"three"])
        self.assertEqual(body_of(*whole).readlines(5), [b"one\n", b"two\n"])
        self.assertEqual(list(body_of(*whole)), [b"one\n", b"two\n", b"three"])
        body = body_of(*whole)
        self.assertEqual([body.readline(2), body.readline(), body.read(7)], [b"on", b"e\n", b"two\nthr"])
        self.assertEqual([body.read(100), body.read(100), body.read()], [b"ee", b"", b""])

    def test_body_that_breaks_off_raises_and_goes_on_raising(self):
        for read in READS:
            body = body_of((b"half", False, False), (b"", True, True))
            for _ in range(3):
                with self.assertRaises(BodyBroken):
                    read(body)
        self.assertTrue(issubclass(BodyBroken, OSError))


class FileWrapperTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "file")
        with open(self.path, "wb") as file:
            file.write(b"x" * (LEAST + 100))

    def part(self, file):
        self.addCleanup(file.close)
        return FileWrapper(file).part()

    def test_regular_files_are_handed_over_from_where_they_stand(self):
        for mode, buffering in ("rb", -1), ("rb", 0), ("r+b", -1):
            file = open(self.path, mode, buffering)
            file.read(7)
            self.assertEqual(self.part(file), (file.fileno(), 7, LEAST + 93), (mode, buffering))

    def test_what_is_written_and_not_flushed_counts(self):
        file = tempfile.NamedTemporaryFile()
        file.write(b"y" * (LEAST + 5))
        file.seek(1)
        self.assertEqual(self.part(file), (file.fileno(), 1, LEAST + 4))

    def test_whose_descriptor_may_have_other_bytes_is_read(self):
        with gzip.open(self.path + ".gz", "wb") as file:
            file.write(os.urandom(2 * LEAST))
        read, write = os.pipe()
        os.close(write)
        small = open(self.path, "rb")
        small.seek(100)
        closed = open(self.path, "rb")
        closed.close()
        for file in (
                gzip.open(self.path + ".gz"), open(self.path), os.fdopen(read, "rb"), io.BytesIO(b"z" * 2 * LEAST),
                tempfile.SpooledTemporaryFile(), open(self.path, "ab"), small, closed):
            self.assertIsNone(self.part(file), file)


if __name__ == "__main__":
    unittest.main()
