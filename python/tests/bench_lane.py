"""How fast a lane is: requests a second of a hello application, and its own CPU time.

Run by hand:  python bench_lane.py [directory of another pasted_worker's parent]
"""

import os
import sys
import time

import pasted
from pasted import frames

SOURCE = """
    import time

    def make(global_conf):
        def app(environ, start_response):
            path = environ["PATH_INFO"]
            if path == "/cpu":
                body = repr(time.process_time()).encode()
            else:
                body = b"Hello, world\\n"
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            if path == "/each":
                return iter([body])
            return [body]
        return app
"""


def frame(number, path):
    import marshal
    payload = marshal.dumps(pasted.make_environ(path, b""))
    return frames.HEAD.pack(len(payload), frames.REQUEST, 0, 0, number) + payload


def measure(worker, path, ahead, count):
    """Return requests a second, and microseconds of the worker's CPU for each."""
    lane = worker.lanes[0].socket
    cpu = float(worker.get("/cpu").body)
    batch = b"".join(frame(n + 1, path) for n in range(ahead))
    lane.sendall(frame(1, path))
    size = 0
    time.sleep(0.05)
    size = len(lane.recv(65536))
    began = time.perf_counter()
    for _ in range(count // ahead):
        lane.sendall(batch)
        left = ahead * size
        while left:
            left -= len(lane.recv(65536))
    elapsed = time.perf_counter() - began
    cpu = float(worker.get("/cpu").body) - cpu
    done = count // ahead * ahead
    return done / elapsed, 1e6 * cpu / done


def main():
    if len(sys.argv) > 1:
        pasted.SIDE = os.path.abspath(sys.argv[1])
    site = pasted.Site(hello=SOURCE)
    with site.alone(pasted.tree("hello", "make")) as worker:
        worker.hello()
        worker.await_(frames.LOADED)
        worker.serve()
        measure(worker, "/", 8, 4000)
        for path in ("/", "/each"):
            for ahead in (1, 8):
                rates, cpus = zip(*[measure(worker, path, ahead, 16000) for _ in range(5)])
                print("%-6s %d ahead: %6.0f requests/s, %5.2f us of CPU" % (path, ahead, max(rates), min(cpus)))
    site.close()


if __name__ == "__main__":
    main()
