"""Tells what a Python has: run once, as the text behind -c.

Arguments: the descriptor to answer on, a JSON list of directories for the
front of sys.path and one for its end. The answer is one JSON object.
"""
import json
import os
import re
import sys
import zipimport

answer = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
if sys.path and sys.path[0] == "":
    del sys.path[0]
sys.path[:0] = json.loads(sys.argv[2])
sys.path.extend(p for p in json.loads(sys.argv[3]) if p not in sys.path)


def fold(name):
    return re.sub("[-_.]+", "-", name).lower()


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            return f.read()
    except (OSError, ValueError):
        return ""


def field(metadata, name):
    for line in metadata.splitlines():
        if not line.strip():
            break
        if line.lower().startswith(name.lower() + ":"):
            return line.split(":", 1)[1].strip()
    return ""


def entry_points(text):
    groups, group = {}, None
    for line in text.splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if line[0] == "[" and line[-1] == "]":
            group = line[1:-1].strip()
        elif group is not None and group.startswith("paste.") and "=" in line:
            name, _, value = line.partition("=")
            groups.setdefault(group, {})[name.strip()] = value.split(" #")[0].strip()
    return groups


found = {}


def add(base, metadata, points, location):
    stem = os.path.basename(base).rsplit(".", 1)[0]
    name = field(metadata, "Name") or stem.split("-")[0]
    if not name or fold(name) in found:
        return
    found[fold(name)] = {
        "name": name,
        "version": field(metadata, "Version"),
        "location": location,
        "entry_points": entry_points(points) if "paste." in points else {},
    }


def scan(directory):
    try:
        names = sorted(os.listdir(directory or "."))
    except (OSError, ValueError):
        return
    for name in names:
        path = os.path.join(directory, name)
        low = name.lower()
        if low.endswith(".dist-info"):
            add(path, read(os.path.join(path, "METADATA")), read(os.path.join(path, "entry_points.txt")), directory)
        elif low.endswith(".egg-info"):
            if os.path.isdir(path):
                add(path, read(os.path.join(path, "PKG-INFO")), read(os.path.join(path, "entry_points.txt")), directory)
            else:
                add(path, read(path), "", directory)
        elif low.endswith(".egg") and os.path.isdir(path):
            info = os.path.join(path, "EGG-INFO")
            add(path, read(os.path.join(info, "PKG-INFO")), read(os.path.join(info, "entry_points.txt")), path)


def scan_zip(path):
    try:
        archive = zipimport.zipimporter(path)
    except (ImportError, OSError):
        return

    def get(name):
        try:
            return archive.get_data(os.path.join(path, name)).decode("utf-8", "replace")
        except OSError:
            return ""

    if path.lower().endswith(".egg"):
        add(path, get("EGG-INFO/PKG-INFO"), get("EGG-INFO/entry_points.txt"), path)


for entry in sys.path:
    if os.path.isfile(entry):
        scan_zip(entry)
        continue
    base = os.path.basename(entry.rstrip("/"))
    if base.lower().endswith(".egg"):
        info = os.path.join(entry, "EGG-INFO")
        if os.path.isdir(info):
            add(entry, read(os.path.join(info, "PKG-INFO")), read(os.path.join(info, "entry_points.txt")), entry)
    scan(entry)

json.dump({
    "version": list(sys.version_info[:3]),
    "implementation": sys.implementation.name if hasattr(sys, "implementation") else "",
    "executable": sys.executable,
    "prefix": sys.prefix,
    "base_prefix": getattr(sys, "base_prefix", sys.prefix),
    "path": sys.path,
    "distributions": list(found.values()),
}, answer)
answer.close()
