"""The tests of ../tests, with a process of Python 2.7.

Those of what is different are left out, each with the reason.
"""

import unittest

import pasted27  # noqa: F401  before those below
import test_answer
import test_loader
import test_process

# What is different, by the name of the test.
DIFFERENT = {
    "Alone.test_threads_of_the_lanes_are_told": "the kernel's numbers of threads are not known here",
    "Alone.test_umask_and_setup": "the test's application has types.SimpleNamespace",
    "Failures.test_cause_is_where_it_began": "there is no ModuleNotFoundError",
    "Failures.test_cause_of_a_chain_is_the_first": "exceptions have no causes",
    "Failures.test_module_not_there_has_no_frames_of_pasted": "its words are others, see test_own",
    "Failures.test_stages": "the words of exceptions are others, see test_own",
    "Logging.test_any_text_can_be_logged": "bytes are text, see test_own",
    "Signals.test_process_that_the_application_forks_while_it_loads_ends_by_them":
        "multiprocessing's threads wait for the lock of the import that waits for them",
    "Importer.test_package_is_one": "the test's application has importlib.reload and ImportError.name",
    "Templates.test_fork_that_fails_is_said": "there is no BlockingIOError",
    "Forks.test_multiprocessing_works": "multiprocessing can but fork here",
    "Templates.test_worker_that_has_become_the_template_hears_late_words_about_requests":
        "no worker becomes the template here",
    "Templates.test_worker_of_another_server_exits": "print is no expression in the test's application",
}


def load_tests(loader, tests, pattern):
    suite = unittest.TestSuite()
    for module in (test_answer, test_loader, test_process):
        for case in vars(module).values():
            if not (isinstance(case, type) and issubclass(case, unittest.TestCase)):
                continue
            for name in loader.getTestCaseNames(case):
                why = DIFFERENT.get("%s.%s" % (case.__name__, name))
                if why:
                    setattr(case, name, unittest.skip(why)(getattr(case, name)))
                suite.addTest(case(name))
    return suite
