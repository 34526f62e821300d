"""h11: its tests with readers and connections that write down what they are
given. What h11 makes of the same bytes is the verdict."""
import contextlib
import importlib
import inspect
import sys
import types

from case import Case, with_host


def read(folder):
    sys.path.insert(0, str(folder))
    sys.modules["pytest"] = stub()
    h11 = importlib.import_module("h11")
    given = list(requests_of_readers()) + list(requests_of_connections(h11))
    seen = set()
    for name, data in given:
        if data not in seen and b"HTTP/1" in data:
            seen.add(data)
            data = with_host(data)
            yield Case("%s %d" % (name, len(seen)), data, *judge(h11, data))


def stub():
    """pytest, as far as the tests need it to be imported and called."""
    pytest = types.ModuleType("pytest")

    @contextlib.contextmanager
    def raises(*_, **__):
        with contextlib.suppress(Exception):
            yield types.SimpleNamespace(value=Exception())

    pytest.raises = raises
    pytest.fixture = lambda *_, **__: (lambda function: function)
    pytest.mark = types.SimpleNamespace(parametrize=pytest.fixture)
    return pytest


def run(module, note):
    """Calls the tests; note gives back what the current one has been given."""
    for name, function in vars(module).items():
        if name.startswith("test_") and not inspect.signature(function).parameters:
            with contextlib.suppress(Exception), contextlib.redirect_stdout(None):
                function()
            for data in note():
                yield name[len("test_"):], data


def requests_of_readers():
    module = importlib.import_module("h11.tests.test_io")
    client_idle = module.READERS[module.CLIENT, module.IDLE]
    given = []

    def read_with(reader, data, *_):
        if reader is client_idle:
            given.append(bytes(data))

    module.tr = read_with
    return run(module, lambda: drain(given))


def requests_of_connections(h11):
    module = importlib.import_module("h11.tests.test_connection")
    streams = {}
    receive = h11.Connection.receive_data

    def receive_data(connection, data):
        if connection.our_role is h11.SERVER:
            streams.setdefault(id(connection), []).append((connection, bytes(data)))
        return receive(connection, data)

    h11.Connection.receive_data = receive_data
    try:
        yield from run(module, lambda: [b"".join(data for _, data in given) for given in drain_values(streams)])
    finally:
        h11.Connection.receive_data = receive


def drain(given):
    taken = list(given)
    given.clear()
    return taken


def drain_values(streams):
    taken = list(streams.values())
    streams.clear()
    return taken


def judge(h11, data):
    """How many requests h11 reads, answering each, until it has an error."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    connection.receive_data(b"")
    requests = 0
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
                break
            if event is h11.PAUSED:
                if connection.our_state is not h11.DONE:
                    break
                connection.start_next_cycle()
            if isinstance(event, h11.EndOfMessage):
                requests += 1
                if connection.our_state is not h11.SEND_RESPONSE:
                    break
                connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
                connection.send(h11.EndOfMessage())
    except h11.RemoteProtocolError as error:
        # The end in mid-message is ours, not the test's.
        return ("waits", None) if "closed connection" in str(error) or "closed without" in str(error) else ("refused", None)
    except h11.LocalProtocolError:
        pass
    return ("served", requests) if requests else ("waits", None)
