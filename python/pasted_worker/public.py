"""What applications may use of Pasted.

This is the module pasted, where no other has that name, and the same as
pasted_worker:

    import pasted

    @pasted.after_fork
    def connect():
        ...
"""

from pasted_worker import *  # noqa: F401,F403
from pasted_worker import __all__  # noqa: F401
