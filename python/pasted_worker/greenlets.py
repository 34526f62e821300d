"""Greenlets in the place of threads: worker_class = gevent.

gevent makes what waits, in the standard library, wait for its own loop, and
with that a thread that is started a greenlet. So nothing else of the Python side
has to know: a lane's thread is one, its locks and its sockets are gevent's, and
the main greenlet reads the control connection while others are served.
"""

import os
import sys
import traceback

_state = {"used": False, "quiet": None}


def used():
    """Say whether greenlets serve in this process."""
    return _state["used"]


def begin(connection, load):
    """Have greenlets serve; return the connection as they use it, and what is wrong or None.

    To be called before the rest of the Python side, and the application, are
    imported: what they have by its name is not replaced any more.
    """
    path, sys.path[:] = list(sys.path), load.get("path", []) + [p for p in sys.path if p]
    try:
        from gevent import monkey
        monkey.patch_all()
    except Exception as error:  # it is not there, or its library is not
        return connection, error
    finally:
        sys.path[:] = path
    import socket
    _state["used"] = True
    return socket.socket(fileno=connection.detach()), None


def abandon(descriptor):
    """Have whatever waits for a socket wait for ever, in a process that was forked.

    The fork has taken along every greenlet: were its socket closed each would
    wake up, and the main one end the process.
    """
    import socket
    if _state["quiet"] is None:
        _state["quiet"] = socket.socketpair()
    os.dup2(_state["quiet"][0].fileno(), descriptor, inheritable=False)


def original(module, name):
    """Return what a module of the standard library has under a name, as it was before gevent."""
    if not used():
        return getattr(sys.modules[module], name)
    from gevent import monkey
    return monkey.get_original(module, name)


def close(descriptor):
    """Close a descriptor now: gevent's own close does so when its loop next has something to do."""
    original("os", "close")(descriptor)


def after_fork():
    """Have a process that has been forked, by os's own fork, a loop of its own."""
    if used():
        import gevent
        gevent.reinit()


def current():
    """Return this greenlet, None where threads serve."""
    if not used():
        return None
    from gevent import getcurrent
    return getcurrent()


def stack_of(greenlet):
    """Return what greenlet waits for, as lines; an empty text if there is none or it has ended."""
    frame = getattr(greenlet, "gr_frame", None)
    return "".join(traceback.format_stack(frame)).rstrip("\n") if frame else ""


def strike(lane, greenlet, number, exception):
    """Raise exception in lane's greenlet if the application is called for number; say whether it will come.

    It is the loop that raises it. What the greenlet has waited for may come
    before: should it be in our code by then, that raises it on its way back.
    """
    if lane.inside[0] != number:
        return False

    def throw():
        if lane.inside[0] == number:
            greenlet.throw(exception)
        elif lane.number == number:
            lane.overdue[number] = exception

    from gevent import get_hub
    get_hub().loop.run_callback(throw)
    return True
