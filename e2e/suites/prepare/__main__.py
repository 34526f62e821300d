"""python3 e2e/suites/prepare DIR: fetch the tests of other WSGI servers.

Unpacks the source distributions of pins.txt to DIR/NAME. DIR/stamp says what
they were made from; where it is what it would be, nothing is done.
"""
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def stamp():
    """What the folders are made from: the two files here."""
    digest = hashlib.sha256()
    for path in (HERE / "__main__.py", HERE / "pins.txt"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def fetch(into):
    """Download the distributions. Not every Python has pip; one of a virtual
    environment does."""
    subprocess.run([sys.executable, "-m", "venv", str(into / "venv")], check=True)
    subprocess.run(
        [str(into / "venv" / "bin" / "python"), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
         "--no-binary", ":all:", "--require-hashes", "-r", str(HERE / "pins.txt"), "-d", str(into)],
        check=True)
    return sorted(into.glob("*.tar.gz"))


def main(directory):
    wanted = stamp()
    stamped = directory / "stamp"
    if stamped.exists() and stamped.read_text() == wanted:
        return
    print("preparing", directory)
    directory.mkdir(parents=True, exist_ok=True)
    stamped.unlink(missing_ok=True)
    safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tempfile.TemporaryDirectory() as temp:
        for archive in fetch(pathlib.Path(temp)):
            full = archive.name[:-len(".tar.gz")]
            with tarfile.open(archive) as tar:
                tar.extractall(temp, **safely)
            target = directory / full.rsplit("-", 1)[0]
            shutil.rmtree(target, ignore_errors=True)
            shutil.move(str(pathlib.Path(temp) / full), str(target))
    stamped.write_text(wanted)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
