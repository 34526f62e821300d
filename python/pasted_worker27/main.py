"""Where the boot line goes on, once the modules can be imported."""

from pasted_worker.process import Process


def run(descriptor):
    """Be the process that Pasted asks for over its control connection."""
    Process(descriptor).run()
