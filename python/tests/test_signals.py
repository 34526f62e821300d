"""SIGINT and SIGTERM, which come to all processes of a terminal or of a service."""

import os
import signal

from pasted import tree
from processes import APP, Case


class Signals(Case):
    """SIGINT and SIGTERM, which come to all processes of a terminal or of a service."""

    SOURCE = APP + """
    import multiprocessing, signal, subprocess, time

    def wait(environ):
        environ["wsgi.errors"].write("waiting\\n")
        gate.wait(60)
        return "waited"

    def open_gate(environ):
        gate.set()

    gate = threading.Event()

    def program(environ):
        code = "import os, signal; os.kill(os.getpid(), signal.SIG%s)" % environ["QUERY_STRING"]
        return subprocess.call([sys.executable, "-S", "-c", code], stderr=open(os.devnull, "w"))

    def forked(environ):
        reader, writer = os.pipe()
        pid = os.fork()
        if not pid:
            try:
                os.write(writer, b"there")
                time.sleep(60)
            except KeyboardInterrupt:
                os._exit(130)
            os._exit(0)
        os.read(reader, 5)
        # Again and again: Python 3.13 may lose a signal in a process that a thread has forked.
        # But not while it ends for the first: a second one would break that off.
        done = 0
        while not done:
            if asleep(pid):
                os.kill(pid, getattr(signal, "SIG" + environ["QUERY_STRING"]))
            time.sleep(0.01)
            done, status = os.waitpid(pid, os.WNOHANG)
        return os.WTERMSIG(status), os.WEXITSTATUS(status)

    def asleep(pid):
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] == "S"

    def pool(environ):
        pool = getattr(multiprocessing, "get_context", lambda how: multiprocessing)("fork").Pool(2)
        found = pool.map(abs, [-1, -2])
        pool.terminate()
        pool.join()
        return found
"""

    def test_a_request_outlives_them(self):
        worker = self.serving(sources={"app": self.SOURCE}, lanes=2)
        number = worker.request("/wait")
        worker.await_log("waiting")
        for _ in range(3):
            os.kill(worker.pid, signal.SIGTERM)
            os.kill(worker.pid, signal.SIGINT)
            self.assertEqual(worker.get("/hello", lane=1).body, b"hello")
        worker.get("/open_gate", lane=1)
        self.assertEqual(worker.reply(number).body, b"waited")
        worker.drain()
        self.assertEqual(worker.wait(), 0)

    def test_template_and_its_workers_outlive_them(self):
        template = self.site(app=self.SOURCE).template(tree("app", "make"))
        self.addCleanup(template.end)
        template.hello()
        for number in (1, 2):
            os.kill(template.pid, signal.SIGTERM)
            os.kill(template.pid, signal.SIGINT)
            worker = template.fork(number)
            self.addCleanup(worker.end)
            os.kill(worker.pid, signal.SIGTERM)
            worker.serve()
            os.kill(worker.pid, signal.SIGTERM)
            self.assertEqual(worker.get("/hello").body, b"hello")

    def test_programs_and_processes_that_the_application_starts_end_by_them(self):
        worker = self.serving(sources={"app": self.SOURCE})
        self.assertEqual(worker.get("/program", QUERY_STRING="TERM").body, b"-15")
        self.assertIn(worker.get("/program", QUERY_STRING="INT").body, (b"1", b"-2", b"130"))
        self.assertEqual(worker.get("/forked", QUERY_STRING="TERM").body, b"(15, 0)")
        self.assertEqual(worker.get("/forked", QUERY_STRING="INT").body, b"(0, 130)")
        self.assertEqual(worker.get("/pool").body, b"[1, 2]")
        self.assertEqual(worker.get("/hello").body, b"hello")

    def test_process_that_the_application_forks_while_it_loads_ends_by_them(self):
        self.alone(sources={"app": self.SOURCE + """
    assert forked({"QUERY_STRING": "TERM"}) == (15, 0)
    assert forked({"QUERY_STRING": "INT"}) == (0, 130)
    assert pool({}) == [1, 2]
"""})

    def test_handler_of_the_application_goes_before(self):
        source = self.SOURCE + """
    caught = []
    signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))

    def seen(environ):
        time.sleep(0.001)  # a signal is handled between two steps of the main thread
        return len(caught)
"""
        template = self.site(app=source).template(tree("app", "make"))
        self.addCleanup(template.end)
        template.hello()
        worker = template.fork()
        self.addCleanup(worker.end)
        worker.serve()
        os.kill(worker.pid, signal.SIGTERM)
        while worker.get("/seen").body != b"1":
            pass
        self.assertEqual(worker.get("/forked", QUERY_STRING="INT").body, b"(0, 130)")
