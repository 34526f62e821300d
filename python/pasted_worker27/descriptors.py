"""Reads and writes on descriptors, and descriptors that come over a socket.

This Python gives up a system call that a signal has come into, and its sockets
have no recvmsg(); Linux's own is called instead.
"""

import ctypes
import errno
import fcntl
import os
import socket
import struct

_SCM_RIGHTS = 1
_CLOSE_ON_EXEC = 0x40000000  # MSG_CMSG_CLOEXEC
_HEAD = struct.Struct("@Lii")  # a control message's: length with the head, level, type
_WORD = ctypes.sizeof(ctypes.c_size_t)


class _Piece(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]


class _Message(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p), ("name_size", ctypes.c_uint32),
        ("pieces", ctypes.POINTER(_Piece)), ("pieces_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p), ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int)]


_recvmsg = ctypes.CDLL(None, use_errno=True).recvmsg
_recvmsg.argtypes = [ctypes.c_int, ctypes.POINTER(_Message), ctypes.c_int]
_recvmsg.restype = ctypes.c_ssize_t


def read(descriptor, size):
    """Return at most size bytes, none at the end."""
    while True:
        try:
            return os.read(descriptor, size)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise


def write(descriptor, data):
    """Write all of data."""
    while True:
        try:
            sent = os.write(descriptor, data)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise
            continue
        if sent == len(data):
            return
        data = buffer(data, sent)


def receive(descriptor, size, most):
    """Return at most size bytes of a socket, and the descriptors that came with them.

    There are at most so many descriptors. What a program is started with has none
    of them.
    """
    data = ctypes.create_string_buffer(size)
    control = ctypes.create_string_buffer(_HEAD.size + 4 * most)
    piece = _Piece(ctypes.addressof(data), size)
    while True:
        message = _Message(
            None, 0, ctypes.pointer(piece), 1, ctypes.addressof(control), len(control), 0)
        got = _recvmsg(descriptor, ctypes.byref(message), _CLOSE_ON_EXEC)
        if got >= 0:
            return data.raw[:got], _rights(control.raw[:message.control_size])
        if ctypes.get_errno() != errno.EINTR:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _rights(control):
    found, start = [], 0
    while start + _HEAD.size <= len(control):
        size, level, kind = _HEAD.unpack_from(control, start)
        if size < _HEAD.size:
            break
        data = control[start + _HEAD.size:start + size]
        if level == socket.SOL_SOCKET and kind == _SCM_RIGHTS:
            found += struct.unpack_from("@%di" % (len(data) // 4), data)
        start += (size + _WORD - 1) // _WORD * _WORD
    return found


def close_on_exec(descriptor):
    """Have programs that are started do without descriptor."""
    fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.fcntl(descriptor, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)
