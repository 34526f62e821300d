"""hupper's interface to whoever loads the application anew, under --reload.

Applications ask hupper whether it watches them, and name files to it. Under
pserve it would be there; here Pasted does its work.
"""

import os
import signal


class Proxy:
    """What hupper.get_reloader() returns.

    tell is called with the absolute names of files, which may be patterns;
    server is Pasted's process.
    """

    def __init__(self, tell, server):
        self._tell = tell
        self._server = server

    def watch_files(self, files):
        """Have the application loaded anew when one of files changes."""
        self._tell([os.path.abspath(name) for name in files])

    def trigger_reload(self):
        """Have the application loaded anew."""
        os.kill(self._server, signal.SIGHUP)

    def graceful_shutdown(self):
        """Have Pasted end."""
        os.kill(self._server, signal.SIGTERM)


def stand_in(tell, server):
    """Have hupper, if it is installed, take Pasted for the reloader that it asks for."""
    try:
        from hupper import worker
    except Exception:
        return  # not there, or another thing of that name
    if hasattr(worker, "_reloader_proxy"):
        worker._reloader_proxy = Proxy(tell, server)
