"""Answers a case of testdata/scan with importlib.metadata."""
import importlib.metadata
import json
import os
import sys

case = json.loads(sys.argv[1])
sys.path[:0] = case["path"]
for name in case["ask"]:
    if name in case["skip"]:
        continue
    try:
        found = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        print("%s: not installed" % name)
        continue
    shown, version = name, ""
    directory = found._path.name.rpartition(".")[0]
    if directory.lower() == "egg-info":
        directory = ""
    metadata = found.metadata
    shown = metadata["Name"] or directory.partition("-")[0]
    version = metadata["Version"] or directory.partition("-")[2].partition("-")[0]
    location = os.path.relpath(str(found._path.parent), case["root"])
    print("%s: %s %s %s" % (name, shown, version, location))
    seen = {}
    for point in found.entry_points:
        if point.group.startswith("paste."):
            seen.setdefault((point.group, point.name), point.value)
    for (group, point), value in sorted(seen.items()):
        print("  %s %s = %s" % (group, point, value))
