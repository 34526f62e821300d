"""In which order others see what a thread stores in memory that it shares with them."""

import os

from pasted_worker import greenlets


def ordered():
    """Say whether what a thread stores is seen by others in the order in which it does."""
    return os.uname().machine.lower() in ("x86_64", "amd64", "i386", "i686")


def fence():
    """Return two functions that, called one after the other, are a full fence.

    What the thread has stored before is seen by everybody before it reads
    anything after. They take a lock that nobody else takes, and release it: with
    the locked instructions of x86 that is a fence. Elsewhere a store may sink
    into the locked part and a read rise into it, and there pass each other; a
    release and the next taking keep their order, so it is done twice.
    """
    lock = new_lock()
    if ordered():
        return lock.acquire, lock.release

    def twice():
        lock.acquire()
        lock.release()
        lock.acquire()

    return twice, lock.release


def pass_fence(fence):
    """Pass a fence that fence() has returned."""
    take, release = fence
    take()
    release()


def new_lock():
    """Return a lock of the machine's: gevent's own is no fence."""
    return greenlets.original("_thread", "allocate_lock")()
