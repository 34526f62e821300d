"""The frames of a lane and of a control connection: their heads and kinds.

What each kind means is written where both sides look it up: in the comment of
Pasted's package internal/wire.
"""

import struct

HEAD = struct.Struct("<IBBHQ")  # payload's length, kind, flags, aux, number
WANTED = struct.Struct("<I")    # a Want frame's payload
EXTENDED = struct.Struct("<Q")  # an Extend frame's payload
PART = struct.Struct("<QQ")     # what a File frame's payload begins with: offset, length
PLACES = struct.Struct("<QQ")   # a Shared frame's payload: where its bytes begin and end

# To this process, on its control connection.
MODULES, LOAD, FORK, LANES, SERVE, ANSWER, CANCEL, PING, DRAIN, PROBE, FILES, BOARD = range(0x01, 0x0D)
EXPIRE, PROMOTE = 0x0D, 0x0F
# From this process, on its control connection.
HELLO, LOADED, FAILED, RESOLVE, READY, LOG, PONG, FOUND, IMPORTED = range(0x20, 0x29)
EXTEND, UNSAFE = 0x29, 0x2B
# On a lane, to this process and from it.
REQUEST, BODY = 0x40, 0x41
HEAD_OF_ANSWER, DATA, END, WANT, FILE = 0x60, 0x61, 0x62, 0x63, 0x64
INFORM, SHARED = 0x65, 0x66

# Those to this process that steer it, for its main thread.
STEERING = frozenset([LOAD, FORK, LANES, SERVE, DRAIN, PROBE])

FLAG_END, FLAG_FAILED, FLAG_BODY, FLAG_TIMED, FLAG_GONE, FLAG_SKIPPED = 1, 2, 4, 8, 16, 32
FLAG_LOCAL = 0x80

MAX_DESCRIPTORS = 64
MAX_LANE = 1 << 20  # bytes of a payload on a lane
