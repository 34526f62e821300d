"""The tests of ../tests, with a worker whose lanes are greenlets of gevent.

Those of what is different are left out, each with the reason.
"""

import os
import sys
import unittest

os.environ["PASTED_WORKER_CLASS"] = "gevent"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))

import test_answer  # noqa: E402
import test_deadline  # noqa: E402
import test_lane  # noqa: E402
import test_loader  # noqa: E402
import test_process  # noqa: E402
import test_signals  # noqa: E402
import test_template  # noqa: E402

MODULES = [test_answer, test_deadline, test_lane, test_loader, test_process, test_signals, test_template]

_POOL = "multiprocessing's pools do not work with gevent's threads"
_LOOP = "a greenlet that never waits cannot be stopped, nor can any other go on"

# What is different, by the name of the test.
DIFFERENT = {
    "Alone.test_threads_of_the_lanes_are_told": "there is one thread",
    "DeadlineTest.test_application_is_stopped_and_lane_serves_on": _LOOP + ": see test_own",
    "DeadlineTest.test_application_may_catch_it_and_answer": _LOOP + ": see test_own",
    "Forks.test_child_does_not_speak_for_its_worker": "the child keeps its numbers of descriptors: see test_own",
    "Forks.test_multiprocessing_works": _POOL,
    "Signals.test_handler_of_the_application_goes_before":
        "a child may have its signal before gevent's loop lets Python see it",
    "Signals.test_process_that_the_application_forks_while_it_loads_ends_by_them": _POOL,
    "Signals.test_programs_and_processes_that_the_application_starts_end_by_them": _POOL,
    "Templates.test_fork_that_fails_is_said": "the fork is not that of os: see test_own",
}


def load_tests(loader, tests, pattern):
    suite = unittest.TestSuite()
    unknown = set(DIFFERENT)
    for module in MODULES:
        for case in vars(module).values():
            if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
                continue
            for name in loader.getTestCaseNames(case):
                full = "%s.%s" % (case.__name__, name)
                why = DIFFERENT.get(full)
                unknown.discard(full)
                if why:
                    setattr(case, name, unittest.skip(why)(getattr(case, name)))
                suite.addTest(case(name))
    if unknown:
        raise LookupError("no such tests: " + ", ".join(sorted(unknown)))
    return suite
