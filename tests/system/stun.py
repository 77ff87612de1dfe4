"""STUN on the wire (RFC 8489, RFC 8656): encode and decode.

Written from the RFCs and sharing nothing with the daemon, so that a mistake
in one of them shows. encode() makes wrong messages too when told to; decode()
is strict, because what it reads comes from the server under test.
"""

import hashlib
import hmac
import ipaddress
import os
import struct
import zlib

COOKIE = 0x2112A442
HEADER = 20

# Methods (RFC 8489 section 18.2, RFC 8656 section 17).
BINDING = 0x001
ALLOCATE = 0x003
REFRESH = 0x004
SEND = 0x006
DATA_METHOD = 0x007
CREATE_PERMISSION = 0x008
CHANNEL_BIND = 0x009

# Classes.
REQUEST = 0
INDICATION = 1
SUCCESS = 2
ERROR = 3

# Attributes (RFC 8489 section 18.3, RFC 8656 section 18).
MAPPED_ADDRESS = 0x0001
USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
ERROR_CODE = 0x0009
UNKNOWN_ATTRIBUTES = 0x000A
CHANNEL_NUMBER = 0x000C
LIFETIME = 0x000D
XOR_PEER_ADDRESS = 0x0012
DATA = 0x0013
REALM = 0x0014
NONCE = 0x0015
XOR_RELAYED_ADDRESS = 0x0016
REQUESTED_ADDRESS_FAMILY = 0x0017
EVEN_PORT = 0x0018
REQUESTED_TRANSPORT = 0x0019
DONT_FRAGMENT = 0x001A
MESSAGE_INTEGRITY_SHA256 = 0x001C
PASSWORD_ALGORITHM = 0x001D
USERHASH = 0x001E
XOR_MAPPED_ADDRESS = 0x0020
RESERVATION_TOKEN = 0x0022
ADDITIONAL_ADDRESS_FAMILY = 0x8000
ADDRESS_ERROR_CODE = 0x8001
PASSWORD_ALGORITHMS = 0x8002
SOFTWARE = 0x8022
FINGERPRINT = 0x8028

# What Microsoft's clients add; all comprehension-optional.
MICROSOFT = (0x8008, 0x8050, 0x8054, 0x8055, 0x8070, 0x8090)

# Password algorithms (RFC 8489 section 18.5).
MD5 = 1
SHA256 = 2

# Families and transports.
IPV4 = 1
IPV6 = 2
UDP = 17
TCP = 6


class Malformed(Exception):
    """What arrived is not a well-formed STUN message."""


def new_id():
    """A fresh transaction id."""
    return os.urandom(12)


def message_type(method, cls):
    """The 14 bits of RFC 8489 section 5: class bits between method bits."""
    return ((method & 0xF80) << 2 | (method & 0x070) << 1 | (method & 0x00F)
            | (cls & 2) << 7 | (cls & 1) << 4)


def split_type(value):
    """The method and class of a message type."""
    method = ((value >> 2) & 0xF80) | ((value >> 1) & 0x070) | (value & 0x00F)
    return method, ((value >> 7) & 2) | ((value >> 4) & 1)


def pad(value):
    return value + bytes(-len(value) % 4)


def attribute(kind, value=b""):
    """One attribute on the wire, padded with zeros."""
    return struct.pack("!HH", kind, len(value)) + pad(value)


def header(method, cls, length, tid):
    return struct.pack("!HHI", message_type(method, cls), length,
                       COOKIE) + tid


def with_length(message, length):
    """The message with another value in its length field."""
    return message[:2] + struct.pack("!H", length) + message[4:]


def add_attribute(message, kind, value=b""):
    """Append one attribute and mend the length field."""
    message += attribute(kind, value)
    return with_length(message, len(message) - HEADER)


def integrity(message, key, digest):
    """The HMAC over what stands before the integrity attribute, with the
    length field pointing to that attribute's end (section 14.5)."""
    size = hashlib.new(digest).digest_size
    covered = with_length(message, len(message) - HEADER + 4 + size)
    return hmac.new(key, covered, digest).digest()


def add_integrity(message, key):
    return add_attribute(message, MESSAGE_INTEGRITY,
                         integrity(message, key, "sha1"))


def add_integrity_sha256(message, key, length=32):
    """MESSAGE-INTEGRITY-SHA256; another length than 32 truncates it, with
    the length field as section 14.6 says for the truncated attribute."""
    covered = with_length(message, len(message) - HEADER + 4 + length)
    value = hmac.new(key, covered, "sha256").digest()[:length]
    return add_attribute(message, MESSAGE_INTEGRITY_SHA256, value)


def fingerprint(message):
    covered = with_length(message, len(message) - HEADER + 8)
    return struct.pack("!I", zlib.crc32(covered) ^ 0x5354554E)


def add_fingerprint(message):
    return add_attribute(message, FINGERPRINT, fingerprint(message))


def encode(method, cls=REQUEST, attrs=(), tid=None):
    """A message of these (kind, value) attributes, without integrity."""
    body = b"".join(attribute(kind, value) for kind, value in attrs)
    return header(method, cls, len(body), tid or new_id()) + body


# Values.

def u32(value):
    return struct.pack("!I", value)


def requested_transport(protocol=UDP):
    return REQUESTED_TRANSPORT, bytes([protocol, 0, 0, 0])


def family(kind, value):
    return kind, bytes([value, 0, 0, 0])


def channel_number(number):
    return CHANNEL_NUMBER, struct.pack("!HH", number, 0)


def lifetime(seconds):
    return LIFETIME, u32(seconds)


def even_port(reserve):
    return EVEN_PORT, bytes([0x80 if reserve else 0])


def algorithms(*numbers):
    """The value of PASSWORD-ALGORITHMS (or PASSWORD-ALGORITHM for one)."""
    return b"".join(struct.pack("!HH", n, 0) for n in numbers)


def xor_address(address, tid):
    """The value of an XOR-…-ADDRESS for (ip, port)."""
    ip = ipaddress.ip_address(address[0])
    mask = struct.pack("!I", COOKIE) + tid
    plain = ip.packed
    masked = bytes(a ^ b for a, b in zip(plain, mask))
    return struct.pack("!BBH", 0, IPV4 if ip.version == 4 else IPV6,
                       address[1] ^ (COOKIE >> 16)) + masked


def peer(address):
    """An XOR-PEER-ADDRESS whose value is made once the id is known."""
    return XOR_PEER_ADDRESS, address


def resolve(attrs, tid):
    """Replace (kind, (ip, port)) by (kind, bytes)."""
    return [(kind, xor_address(value, tid) if isinstance(value, tuple)
             else value) for kind, value in attrs]


# Keys (RFC 8489 section 9.2.2 and 18.5.1). Names in these tests are ASCII,
# or prepared already.

def key_md5(user, realm, password):
    return hashlib.md5(f"{user}:{realm}:{password}".encode()).digest()


def key_sha256(user, realm, password):
    return hashlib.sha256(f"{user}:{realm}:{password}".encode()).digest()


def userhash(user, realm):
    return hashlib.sha256(f"{user}:{realm}".encode()).digest()


class Message:
    """A decoded message: method, cls, tid, attrs [(kind, value)], raw."""

    def __init__(self, raw):
        if len(raw) < HEADER:
            raise Malformed(f"{len(raw)} bytes are less than a header")
        kind, length, cookie = struct.unpack_from("!HHI", raw)
        if kind & 0xC000 or cookie != COOKIE:
            raise Malformed(f"not STUN: {raw[:8].hex()}")
        if length != len(raw) - HEADER or length % 4:
            raise Malformed(f"length {length} in {len(raw)} bytes")
        self.raw = bytes(raw)
        self.method, self.cls = split_type(kind)
        self.tid = self.raw[8:HEADER]
        self.attrs = []
        self.offsets = []
        at = HEADER
        while at < len(raw):
            kind, size = struct.unpack_from("!HH", raw, at)
            end = at + 4 + size
            padded = end + -size % 4
            if padded > len(raw):
                raise Malformed(f"attribute {kind:#06x} at {at} is cut")
            # CVE-2020-4067: padding once carried other clients' bytes.
            if any(raw[end:padded]):
                raise Malformed(f"padding of {kind:#06x} is not zero")
            self.attrs.append((kind, self.raw[at + 4:end]))
            self.offsets.append(at)
            at = padded

    def get(self, kind):
        """The first value of that attribute, or None."""
        return next((v for k, v in self.attrs if k == kind), None)

    def all(self, kind):
        return [v for k, v in self.attrs if k == kind]

    def has(self, kind):
        return self.get(kind) is not None

    @property
    def error(self):
        """The code of an error response, None of any other message."""
        if self.cls != ERROR:
            return None
        value = self.get(ERROR_CODE)
        if value is None or len(value) < 4:
            raise Malformed("an error response without ERROR-CODE")
        return (value[2] & 7) * 100 + value[3]

    @property
    def reason(self):
        return self.get(ERROR_CODE)[4:].decode()

    @property
    def lifetime(self):
        return int.from_bytes(self.get(LIFETIME), "big")

    @property
    def unknown(self):
        """The list of UNKNOWN-ATTRIBUTES."""
        value = self.get(UNKNOWN_ATTRIBUTES)
        return [n for (n,) in struct.iter_unpack("!H", value)]

    @property
    def algorithms(self):
        """The numbers of PASSWORD-ALGORITHMS, [] without it."""
        value = self.get(PASSWORD_ALGORITHMS) or b""
        numbers = []
        at = 0
        while at < len(value):
            number, size = struct.unpack_from("!HH", value, at)
            numbers.append(number)
            at += 4 + size + -size % 4
        return numbers

    def address(self, kind):
        """The (ip, port) of an XOR-…-ADDRESS, None without it."""
        value = self.get(kind)
        return None if value is None else self.unmask(value)

    def unmask(self, value):
        if len(value) not in (8, 20):
            raise Malformed(f"an address of {len(value)} bytes")
        zero, fam, port = struct.unpack_from("!BBH", value)
        if zero or fam != (IPV4 if len(value) == 8 else IPV6):
            raise Malformed(f"an address of family {fam}")
        mask = struct.pack("!I", COOKIE) + self.tid
        plain = bytes(a ^ b for a, b in zip(value[4:], mask))
        return str(ipaddress.ip_address(plain)), port ^ (COOKIE >> 16)

    @property
    def mapped(self):
        return self.address(XOR_MAPPED_ADDRESS)

    @property
    def relayed(self):
        return self.address(XOR_RELAYED_ADDRESS)

    @property
    def peer(self):
        return self.address(XOR_PEER_ADDRESS)

    def before(self, kind):
        """What stands before the first attribute of that kind."""
        for (k, _), at in zip(self.attrs, self.offsets):
            if k == kind:
                return self.raw[:at]
        return None

    def signed_with(self, key):
        """Whether MESSAGE-INTEGRITY is there and right."""
        covered = self.before(MESSAGE_INTEGRITY)
        return (covered is not None and self.get(MESSAGE_INTEGRITY)
                == integrity(covered, key, "sha1"))

    def signed_sha256_with(self, key):
        """Whether MESSAGE-INTEGRITY-SHA256 is there, whole and right."""
        covered = self.before(MESSAGE_INTEGRITY_SHA256)
        return (covered is not None and self.get(MESSAGE_INTEGRITY_SHA256)
                == integrity(covered, key, "sha256"))

    @property
    def fingerprinted(self):
        """Whether FINGERPRINT is there, last and right."""
        covered = self.before(FINGERPRINT)
        return (covered is not None and self.attrs[-1][0] == FINGERPRINT
                and self.get(FINGERPRINT) == fingerprint(covered))

    def __repr__(self):
        cls = ("request", "indication", "success", "error")[self.cls]
        code = f" {self.error}" if self.cls == ERROR else ""
        kinds = " ".join(f"{k:#06x}[{len(v)}]" for k, v in self.attrs)
        return f"<{self.method:#x} {cls}{code} {kinds}>"


def channel_data(number, data, padding=0):
    """A ChannelData message (RFC 8656 section 12.4)."""
    return struct.pack("!HH", number, len(data)) + data + bytes(padding)


def is_channel_data(raw):
    return len(raw) >= 4 and 0x40 <= raw[0] <= 0x4F


def parse_channel_data(raw):
    """The channel and the data; padding after it may be there on UDP."""
    number, length = struct.unpack_from("!HH", raw)
    if length > len(raw) - 4 or len(raw) - 4 - length > 3:
        raise Malformed(f"ChannelData of {length} in {len(raw)} bytes")
    return number, raw[4:4 + length]
