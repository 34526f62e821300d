"""Limits of the process that many lanes go beyond."""

try:
    import resource
except ImportError:  # some Pythons lack it
    resource = None

_OTHERS = 512  # descriptors that the application may want beside its lanes


def make_room(lanes):
    """Raise the number of descriptors as far as so many lanes need it, and as it may be."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    want = lanes + _OTHERS
    if soft == resource.RLIM_INFINITY or want <= soft:
        return
    if hard != resource.RLIM_INFINITY:
        want = min(want, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (want, hard))
