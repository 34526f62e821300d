# What only the interpreter itself can tell. It is run as the text behind -c,
# without a byte that is not ASCII, by any Python from 2.6 on, so that an old one
# can say that it is old; it imports nothing that is not built in or loaded.
#
# Arguments: a descriptor, how many directories come first on sys.path, these,
# and those that come last. On the descriptor it writes "pasted", a length, a
# new line, and so many bytes of marshal. sys.path is made here as the workers
# make theirs.
import marshal, os, sys


def text(value):
    return "".join([value]) if isinstance(value, str) else ""


front = 3 + int(sys.argv[2])
if sys.path and sys.path[0] == "":
    del sys.path[0]
sys.path[:0] = sys.argv[3:front]
sys.path.extend([p for p in sys.argv[front:] if p not in sys.path])
answer = marshal.dumps((
    tuple(sys.version_info[:3]),
    # Python 2 has another name for it, "CPython".
    text(getattr(getattr(sys, "implementation", None), "name", "") or getattr(sys, "subversion", [""])[0].lower()),
    text(sys.executable),
    text(sys.prefix),
    text(getattr(sys, "base_prefix", getattr(sys, "real_prefix", sys.prefix))),
    [text(p) for p in sys.path],
), 0)
for stream in (sys.stdout, sys.stderr):
    try:
        stream.flush()  # it may hold what a .pth file has printed
    except Exception:
        pass
stream = os.fdopen(int(sys.argv[1]), "wb")
stream.write(("pasted %d\n" % len(answer)).encode("ascii") + answer)
stream.close()
os._exit(0)
