"""python3 e2e/strict/prepare DIR: read the requests of other servers' tests.

Fetches the source distributions of pins.txt, takes the requests out of their
tests as data, and writes them to DIR/SUITE.json: name, bytes (a character for
each byte), and what the suite wants of them. DIR/stamp says what they were made
from; where it is what it would be, nothing is done.
"""
import hashlib
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import aiohttp_suite
import gunicorn_suite
import h11_suite
import http_parser_suite
import llhttp_suite
import waitress_suite

HERE = pathlib.Path(__file__).resolve().parent

# Suite: distribution, reader.
SUITES = {
    "aiohttp": ("aiohttp", aiohttp_suite.read),
    "gunicorn": ("gunicorn", gunicorn_suite.read),
    "h11": ("h11", h11_suite.read),
    "http-parser": ("httptools", http_parser_suite.read),
    "llhttp": ("aiohttp", llhttp_suite.read),
    "waitress": ("waitress", waitress_suite.read),
}


def stamp():
    """What the files are made from: every file here, in the order of names."""
    digest = hashlib.sha256()
    for path in sorted(HERE.iterdir(), key=lambda path: path.name):
        if path.suffix in (".py", ".txt"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def fetch(into):
    """The folder of each distribution, unpacked. Not every Python has pip; one
    of a virtual environment does."""
    subprocess.run([sys.executable, "-m", "venv", str(into / "venv")], check=True)
    subprocess.run(
        [str(into / "venv" / "bin" / "python"), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
         "--no-binary", ":all:", "--require-hashes", "-r", str(HERE / "pins.txt"), "-d", str(into)],
        check=True)
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    folders = {}
    for archive in into.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(into, **safely)
        folder = into / archive.name[:-len(".tar.gz")]
        folders[archive.name.rsplit("-", 1)[0]] = folder
    return folders


def main(directory):
    wanted = stamp()
    stamped = directory / "stamp"
    if stamped.exists() and stamped.read_text() == wanted:
        return
    print("preparing", directory)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temp:
        folders = fetch(pathlib.Path(temp))
        for suite, (distribution, read) in SUITES.items():
            cases = [case.__dict__ for case in read(folders[distribution])]
            (directory / (suite + ".json")).write_text(json.dumps(cases, indent=1))
            print("  %-12s %4d requests" % (suite, len(cases)))
    stamped.write_text(wanted)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
