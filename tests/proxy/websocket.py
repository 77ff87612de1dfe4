"""As much of RFC 6455 as the tests need: frames, both ends of a handshake."""

import base64
import hashlib
import os
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def new_key():
    return base64.b64encode(os.urandom(16)).decode()


def accept(key):
    return base64.b64encode(
        hashlib.sha1((key + MAGIC).encode()).digest()).decode()


def frame(opcode, payload, masked):
    head = bytes([0x80 | opcode])
    flag = 0x80 if masked else 0
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += bytes([flag | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", len(payload))
    if not masked:
        return head + payload
    return head + bytes(4) + payload  # a mask of zeros changes nothing


def unmask(payload, mask):
    size = len(payload)
    whole = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big")
            ^ int.from_bytes(whole, "big")).to_bytes(size, "big")


def read(stream):
    """The next message (opcode, payload) from a buffered reader, or None at
    the end. Continuations are joined; control frames come by themselves."""
    kind, whole = None, b""
    while True:
        head = stream.read(2)
        if len(head) < 2:
            return None
        size = head[1] & 0x7f
        if size == 126:
            size, = struct.unpack("!H", stream.read(2))
        elif size == 127:
            size, = struct.unpack("!Q", stream.read(8))
        mask = stream.read(4) if head[1] & 0x80 else None
        payload = stream.read(size)
        if mask and any(mask):
            payload = unmask(payload, mask)
        opcode = head[0] & 0x0f
        if opcode >= 8:
            return opcode, payload
        kind = opcode or kind
        whole += payload
        if head[0] & 0x80:
            return kind, whole
