"""What a process has that does not survive a fork: threads, connections, event loops."""

import gc
import os
import socket
import sys
import threading
import time

from pasted_worker import greenlets

MOST = 16  # findings that are told of
_PATIENCE = 2  # seconds

_SO_DOMAIN = getattr(socket, "SO_DOMAIN", 39)

# Packages of connections, and how the descriptor of one of their objects is had.
_DATABASES = {"psycopg2", "sqlite3", "_sqlite3", "MySQLdb", "pymssql", "_mssql", "cx_Oracle", "oracledb", "apsw"}
_FILENO = {"psycopg2", "MySQLdb"}

# What listens at a port, mostly.
_PORTS = {
    389: "LDAP", 636: "LDAP", 1433: "SQL Server", 1521: "Oracle", 3306: "MySQL", 5432: "PostgreSQL",
    5672: "AMQP", 6379: "Redis", 9092: "Kafka", 9200: "Elasticsearch", 11211: "memcached", 27017: "MongoDB",
}

# Modules whose objects have sockets for others.
_CARRIERS = {"socket", "ssl", "http", "urllib", "urllib3", "asyncio", "selectors", "_socket", "builtins", "io"}


def find(own=()):
    """Return what is found, as dicts of kind, name and detail; own are descriptors of Pasted's."""
    findings = threads()
    known, objects = _databases()
    findings += objects
    findings += _descriptors(set(own) | known)
    return findings[:MOST]


def threads(seen=()):
    """Return the threads that run beside this one and whose numbers are not in seen."""
    findings = []
    here = threading.current_thread()
    running = [t for t in threading.enumerate() if t is not here and t is not threading.main_thread()]
    for thread in running:
        if thread.ident not in seen:
            findings.append(_finding("thread", thread.name, "runs " + _target(thread)))
    native = _native_threads() - len(running) - 1
    if native > 0 and not seen:
        findings.append(_finding(
            "thread", "%d of a library's own" % native, "Python did not start them: %s" % _names_of_threads()))
    return findings


def identities():
    """Return the numbers of the threads that run."""
    return {thread.ident for thread in threading.enumerate()}


def _finding(kind, name, detail):
    return {"kind": kind, "name": str(name), "detail": detail}


def _target(thread):
    target = getattr(thread, "_target", None)
    if target is None:
        return _place(type(thread).run, "%s.%s.run" % (type(thread).__module__, type(thread).__qualname__))
    target = getattr(target, "func", target)  # of a partial
    name = "%s.%s" % (getattr(target, "__module__", "?"), getattr(target, "__qualname__", type(target).__name__))
    return _place(target, name)


def _place(function, name):
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return name if code is None else "%s (%s:%d)" % (name, code.co_filename, code.co_firstlineno)


def await_joined():
    """Return when threads that Python has joined have ended for the kernel as well.

    That takes a moment; or all the patience, where a library has threads of its own.
    """
    deadline = time.monotonic() + _PATIENCE
    while _native_threads() > threading.active_count() and time.monotonic() < deadline:
        greenlets.original("time", "sleep")(0.001)


def _native_threads():
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


def _names_of_threads():
    names = set()
    for number in os.listdir("/proc/self/task"):
        if int(number) != os.getpid():
            try:
                with open("/proc/self/task/%s/comm" % number) as f:
                    names.add(f.read().strip())
            except OSError:
                pass
    return ", ".join(sorted(names))


def _databases():
    """Return the descriptors of database connections that are found as objects, and the findings."""
    known, findings = set(), []
    if _DATABASES.isdisjoint(sys.modules):
        return known, findings  # without a look at all that there is
    for thing in gc.get_objects():
        # isinstance would ask a proxy, which may then do whatever it is for.
        cls = type(thing)
        package = (getattr(cls, "__module__", None) or "")
        package = package.partition(".")[0] if isinstance(package, str) else ""
        if package not in _DATABASES or not cls.__name__.lower().endswith("connection"):
            continue
        if getattr(thing, "closed", 0):
            continue
        if package in _FILENO:
            try:
                known.add(thing.fileno())
            except Exception:
                continue  # it is closed
        if package in ("sqlite3", "_sqlite3"):
            file = _sqlite_file(thing)
            if file is None:
                continue
            detail = "is open: %s" % (file or "no file, or an unknown one")
        else:
            detail = "is open"
        findings.append(_finding("connection", "%s.%s" % (cls.__module__, cls.__name__), detail))
    return known, findings


def _sqlite_file(connection):
    """Return the file's name, "" for one in memory, None if it is closed or another thread's."""
    try:
        return connection.execute("PRAGMA database_list").fetchall()[0][2]
    except Exception as error:
        return None if type(error).__name__ == "ProgrammingError" else ""


def _descriptors(known):
    findings = []
    owners = None
    for number in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        try:
            what = os.readlink("/proc/self/fd/%d" % number)
        except OSError:
            continue
        if number <= 2 or number in known:
            continue
        if what == "anon_inode:[eventpoll]":
            findings.append(_finding("event loop", "epoll", "descriptor %d is shared with whoever is forked" % number))
        elif what.startswith("socket:"):
            where = _where(number)
            if where is not None:
                owners = _owners() if owners is None else owners
                findings.append(_finding("connection", owners.get(number) or "a library's own", where))
    return findings


def _where(number):
    """Say where the socket is connected to or listens; None for what a fork does no harm."""
    try:
        probe = socket.fromfd(number, socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            family = probe.getsockopt(socket.SOL_SOCKET, _SO_DOMAIN)
            if probe.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_DGRAM:
                return None
            listens = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        finally:
            probe.close()
        if family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
            return None
        copy = socket.fromfd(number, family, socket.SOCK_STREAM)
        try:
            if listens:
                return "listens on %s" % _address(copy.getsockname())
            peer = copy.getpeername()
        finally:
            copy.close()
    except OSError:
        return None  # not connected
    guess = _PORTS.get(peer[1], "") if isinstance(peer, tuple) else ""
    return "connected to %s%s" % (_address(peer) or "a Unix socket without a name", guess and " (%s)" % guess)


def _address(address):
    if isinstance(address, tuple):
        return ("[%s]:%d" if ":" in address[0] else "%s:%d") % address[:2]
    return address.decode("utf-8", "replace") if isinstance(address, bytes) else address


def _owners():
    """Return, by descriptor, the class whose object has the socket."""
    owners = {}
    for thing in gc.get_objects():
        cls = type(thing)
        if socket.socket in getattr(cls, "__mro__", ()):
            number = socket.socket.fileno(thing)
            if number >= 0:
                owners[number] = _owner(thing)
    return owners


def _owner(thing):
    """Return the name of the class that made use of thing, a socket."""
    things = [thing]
    for _ in range(4):
        found = []
        for referrer in gc.get_referrers(*things):
            if referrer is things or type(referrer).__name__ in ("frame", "list_iterator", "module"):
                continue
            module = type(referrer).__module__
            if type(referrer) in (dict, list, tuple):
                name = referrer.get("__name__") if type(referrer) is dict else None
                if isinstance(name, str) and name in sys.modules and sys.modules[name].__dict__ is referrer:
                    return "the module " + name
                found.append(referrer)
            elif isinstance(module, str) and module.partition(".")[0] not in _CARRIERS:
                if module.partition(".")[0] != "pasted_worker":
                    return "%s.%s" % (module, type(referrer).__qualname__)
            else:
                found.append(referrer)
        things = found[:64]
        if not things:
            break
    return "%s.%s" % (type(thing).__module__, type(thing).__qualname__)
