"""What strangers and broken clients send: dropped or refused, and the
daemon lives, answers, and has not grown."""

import os
import random
import signal
import struct

import pytest

import stun

pytestmark = pytest.mark.turnpike

BATCH = 100


class Thrower:
    """Throws datagrams at a server in batches that its socket can hold:
    after each a Binding request of another client must be answered."""

    def __init__(self, server, client):
        self.server = server
        self.source = client(server)
        self.prober = client(server)
        self.count = 0

    def __call__(self, data):
        self.source.raw(data)
        self.count += 1
        if self.count % BATCH == 0:
            self.probe()

    def probe(self):
        answer = self.prober.exchange(stun.encode(stun.BINDING))
        assert answer.mapped == self.prober.address
        # Errors may come back; successes are for those who know a password.
        while True:
            try:
                self.source.sock.settimeout(0)
                data = self.source.sock.recv(65536)
            except BlockingIOError:
                return
            message = stun.Message(data)
            assert message.method == stun.BINDING \
                or message.cls == stun.ERROR, message


@pytest.fixture
def throw(daemon, client):
    """Throws; the daemon's log must show nothing of it at the end."""
    server = daemon(log={"level": "info"})
    lines = len(server.log)
    thrower = Thrower(server, client)
    yield thrower
    if server.running:
        thrower.probe()
        rest = client(server)
        rest.allocate()
        rest.refresh(0)
    server.stop()
    noise = [line for line in server.log[lines:]
             if "session" not in line.lower()
             and "authentication refused" not in line
             and "stop" not in line.lower()]
    assert len(noise) <= 2, noise


def valid_messages(c):
    """One good message of every kind, signed."""
    c.get_challenge()
    peer = stun.peer(("127.0.0.1", 9))
    tid = stun.new_id()
    return [
        stun.encode(stun.BINDING),
        c.build(stun.ALLOCATE, [stun.requested_transport(),
                                stun.lifetime(600), stun.even_port(True)]),
        c.build(stun.REFRESH, [stun.lifetime(0)], fingerprint=True),
        c.build(stun.CREATE_PERMISSION, [peer, peer]),
        c.build(stun.CHANNEL_BIND, [stun.channel_number(0x4000), peer]),
        stun.encode(stun.SEND, stun.INDICATION,
                    stun.resolve([peer, (stun.DATA, b"12345")], tid), tid),
        stun.channel_data(0x4000, b"12345"),
    ]


def random_bytes(rng, n):
    """Random ones; half of them look like something at first."""
    data = bytearray(rng.randbytes(rng.choice(
        [0, 1, 2, 3, 4, 8, 19, 20, 21, 24, 28, 64, 200, 1400])))
    if n % 2 and len(data) >= 20:
        data[0:2] = struct.pack("!H", stun.message_type(
            rng.choice([1, 3, 4, 6, 8, 9]), rng.choice([0, 0, 0, 1])))
        data[2:4] = struct.pack("!H", len(data) - 20)
        data[4:8] = struct.pack("!I", stun.COOKIE)
    elif n % 8 == 0 and len(data) >= 4:
        data[0] = 0x40
    return bytes(data)


def throw_random(throw, rng, count):
    """What the daemon holds after so many more."""
    for n in range(count):
        throw(random_bytes(rng, n))
    throw.probe()
    return throw.server.rss_kb(), throw.server.descriptors()


def fill(throw):
    """The daemon reads as many at once as a throw ever leaves waiting, large
    ones and ones that are answered, however busy the machine is."""
    for data in bytes(1400), stun.encode(stun.BINDING):
        throw.server.signal(signal.SIGSTOP)
        for _ in range(BATCH):
            throw.source.raw(data)
        throw.server.signal(signal.SIGCONT)
        throw.probe()


def test_random_bytes(throw):
    """10,000 datagrams change nothing, once all that is made at the start
    has been touched: a page of it counts when it is first used. That has an
    end; what a leak takes has not."""
    rng = random.Random(1)
    fill(throw)
    before, now = None, throw_random(throw, rng, 1000)
    for _ in range(20):
        before, now = now, throw_random(throw, rng, 1000)
        if now == before:
            break
    assert now == before
    # What is done once in a while may touch more, later: again, then.
    for _ in range(3):
        before, now = now, throw_random(throw, rng, 10000)
        assert now[1] == before[1]
        if now[0] <= before[0] + 128:
            break
    assert now[0] <= before[0] + 128


def test_truncated(throw, client):
    for message in valid_messages(client(throw.server)):
        for length in range(len(message)):
            throw(message[:length])
            if length >= 20:
                # The length field agrees, the last attribute does not.
                throw(stun.with_length(message[:length], length - 20))


def test_flipped_bits(throw, client):
    rng = random.Random(2)
    for message in valid_messages(client(throw.server)):
        for at in range(len(message)):
            data = bytearray(message)
            data[at] ^= 1 << rng.randrange(8)
            throw(bytes(data))
            data[at] = rng.choice([0, 0xFF, 0x7F, 0x80])
            throw(bytes(data))


def test_lying_lengths(throw, client):
    for message in valid_messages(client(throw.server)):
        for length in (0, 1, 2, 3, 4, 5, 7, 8, 100, 0x7FFC, 0x7FFF, 0x8000,
                       0xFFFC, 0xFFFF):
            throw(stun.with_length(message, length))
            for at in range(20, len(message) - 4, 4):
                data = bytearray(message)
                data[at + 2:at + 4] = struct.pack("!H", length)
                throw(bytes(data))


def test_every_message_type(throw):
    for value in range(0, 0x4000, 3):
        throw(struct.pack("!HHI", value, 0, stun.COOKIE) + bytes(12))


def test_attribute_floods(throw):
    """As many attributes as fit, empty ones, repeated ones, unknown ones."""
    tid = stun.new_id()
    for kind in (0x0000, stun.XOR_PEER_ADDRESS, stun.USERNAME, 0x7FF0, 0xFFF0,
                 stun.MESSAGE_INTEGRITY, stun.FINGERPRINT, stun.DATA):
        for value in (b"", b"\1", bytes(20)):
            one = stun.attribute(kind, value)
            for size in (1400, 65507):
                body = one * ((size - 20) // len(one))
                for method in (stun.ALLOCATE, stun.BINDING):
                    throw(stun.header(method, stun.REQUEST, len(body), tid)
                          + body)
                throw(stun.header(stun.SEND, stun.INDICATION, len(body),
                                  tid) + body)


def test_signed_attribute_floods(throw, client):
    """The same from a user: a 420 answer is bounded."""
    c = client(throw.server)
    c.allocate()
    flood = [(0x7000 + n, b"") for n in range(300)]
    for method in (stun.ALLOCATE, stun.REFRESH, stun.CREATE_PERMISSION):
        try:
            answer = c.exchange(c.build(method, flood), patience_s=0.3)
        except Exception as error:
            assert type(error).__name__ == "NoAnswer"
            continue
        assert answer.error in (400, 420)
        assert len(answer.raw) < 1500
    c.refresh()


def test_largest_datagrams(throw):
    rng = random.Random(3)
    for first in (b"\0\1", b"\0\3", b"\0\x16", b"\x40\0", b"\x80\0"):
        for size in (65507, 65506, 65504):
            length = struct.pack("!H", (size - 20) & 0xFFFF)
            throw(first + length + struct.pack("!I", stun.COOKIE)
                  + rng.randbytes(size - 8))
            throw(first + b"\xff\xff" + rng.randbytes(size - 4))


def test_empty_datagram(throw):
    for _ in range(200):
        throw(b"")


def test_allocated_garbage(daemon, client, peer):
    """From a client with an allocation and a channel: nothing of it gets
    out, the good one does."""
    c, p = client(daemon()), peer()
    c.allocate()
    c.bind_channel(0x4000, p.address)
    rng = random.Random(4)
    sent = 0
    for n in range(2000):
        data = bytearray(rng.randbytes(rng.randrange(64)))
        if len(data) >= 4 and n % 2:
            # Channels that are not bound, and lengths that lie.
            data[0:2] = struct.pack("!H", rng.randrange(0x4001, 0x8000))
            if n % 4 == 1:
                data[0:4] = struct.pack("!HH", 0x4000, len(data))
        elif data:
            data[0] |= 0x80
        c.raw(bytes(data))
        if n % 100 == 99:
            c.send_channel(0x4000, b"%d" % n)
            sent += 1
            assert p.receive() == (b"%d" % n, c.relayed)
    assert sent == 20


def test_source_of_garbage_does_not_matter(daemon, client):
    """The same socket that threw garbage is served afterwards."""
    c = client(daemon())
    for _ in range(500):
        c.raw(os.urandom(100))
    c.allocate()
    c.refresh(0)
