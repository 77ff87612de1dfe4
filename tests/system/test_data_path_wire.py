"""IP headers of relayed packets, fragments, and order through GRO and GSO,
on the wire between three namespaces (RFC 8656 section 14)."""

import os
import random
import socket
import struct

import pytest

import stun
from netns import join
from sniffer import Sniffer
from turnclient import Peer, TurnClient

pytestmark = [pytest.mark.turnpike, pytest.mark.root]

CLIENT, INNER = "10.81.0.2", "10.81.0.1"
PEER, OUTER = "10.82.0.2", "10.82.0.1"
MTU = 1280

IP_MTU_DISCOVER, PMTUDISC_DONT = 10, 0
UDP_SEGMENT = 103
SIZES = [1372, 1373, 1472, 65000]


class World:
    """client --- server --- peer, an allocation and a channel 0x4000."""

    def __init__(self, namespaces, daemon):
        self.near, self.mid, self.far = namespaces("near", "mid", "far")
        join(self.mid, self.near, INNER + "/24", CLIENT + "/24", mtu=MTU,
             names=("inner", "veth0"))
        join(self.mid, self.far, OUTER + "/24", PEER + "/24", mtu=MTU,
             names=("outer", "veth0"))
        self.server = daemon(
            address=INNER, netns=self.mid,
            relay={"address": OUTER, "ports": [61000, 65535]},
            peers={"allow": ["10.82.0.0/24"]})
        self.client = TurnClient(self.server.address,
                                 sock=self.plain(self.near, CLIENT))
        self.peer = Peer(sock=self.plain(self.far, PEER))
        self.client.allocate()
        self.client.bind_channel(0x4000, self.peer.address)
        self.sniffers = []

    @staticmethod
    def plain(ns, address):
        """A socket that lets its packets be fragmented."""
        sock = ns.bound(address)
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DONT)
        return sock

    def one_by_one(self):
        """What leaves the server is seen as single packets, as after a
        network card's segmentation."""
        for name in ("inner", "outer"):
            self.mid.ip("link", "set", name, "gso_max_segs", "1")

    def sniff(self, ns):
        self.sniffers.append(Sniffer(ns))
        return self.sniffers[-1]

    def close(self):
        self.client.close()
        self.peer.close()
        for s in self.sniffers:
            s.sock.close()


@pytest.fixture
def world(namespaces, daemon):
    made = World(namespaces, daemon)
    yield made
    made.close()


def set_tos(sock, tos):
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)


TOS = [0x00, 0x01, 0x02, 0x03, 0xB8, 0xB9, 0xBA, 0xBB, 0x88, 0x22, 0xFC, 0xFF]


@pytest.mark.parametrize("how", ["indication", "channel"])
def test_tos_to_the_peer(world, how):
    """ECN and DSCP as they came, packet by packet."""
    world.one_by_one()
    c, p, sniffer = world.client, world.peer, world.sniff(world.far)
    for n, tos in enumerate(TOS * 5):
        set_tos(c.sock, tos)
        data = struct.pack("!HB", n, tos)
        if how == "channel":
            c.send_channel(0x4000, data)
        else:
            c.send(p.address, data)
    last = struct.pack("!HB", len(TOS) * 5 - 1, TOS[-1])
    seen = [q for q in sniffer.until(lambda q: q.payload == last)
            if q.sport == c.relayed[1]]
    assert [q.payload for q in seen] == [
        struct.pack("!HB", n, tos) for n, tos in enumerate(TOS * 5)]
    for packet in seen:
        assert packet.tos == packet.payload[2], packet


@pytest.mark.parametrize("how", ["indication", "channel"])
def test_tos_to_the_client(world, how):
    world.one_by_one()
    c, sniffer = world.client, world.sniff(world.near)
    if how == "channel":
        p = world.peer
    else:
        p = Peer(sock=world.plain(world.far, PEER))
    for n, tos in enumerate(TOS * 5):
        set_tos(p.sock, tos)
        p.send(c.relayed, struct.pack("!HB", n, tos))
    end = struct.pack("!HB", len(TOS) * 5 - 1, TOS[-1])
    seen = [q for q in sniffer.until(lambda q: end in q.payload)
            if q.sport == c.server[1]]
    assert len(seen) == len(TOS) * 5
    for n, packet in enumerate(seen):
        tos = TOS[n % len(TOS)]
        assert struct.pack("!HB", n, tos) in packet.payload
        assert packet.tos == tos, packet
    if how != "channel":
        p.close()


def test_df_is_clear_by_default(world):
    """Relay and listener; Linux would set it."""
    world.one_by_one()
    c, p = world.client, world.peer
    far, near = world.sniff(world.far), world.sniff(world.near)
    c.exchange(stun.encode(stun.BINDING))
    for size in (1, 100, 1200, 1248, 1252, 2000):
        c.send(p.address, bytes(size))
        c.send_channel(0x4000, bytes(size))
        p.receive()
        p.receive()
        p.send(c.relayed, bytes(size))
        c.receive()
    c.send_channel(0x4000, b"marker")
    p.send(c.relayed, b"marker")
    out = [q for q in far.until(lambda q: q.payload == b"marker")
           if q.src == OUTER]
    back = [q for q in near.until(lambda q: q.payload[4:10] == b"marker")
            if q.src == INNER]
    assert len(out) >= 13 and len(back) >= 7
    assert not [q for q in out + back if q.df]


def test_dont_fragment_sets_df(world):
    """... for that indication, and none beside it."""
    world.one_by_one()
    c, p, sniffer = world.client, world.peer, world.sniff(world.far)
    for n in range(64):
        data = bytes([n]) * 100
        if n % 3 == 0:
            c.send(p.address, data, (stun.DONT_FRAGMENT, b""))
        elif n % 3 == 1:
            c.send(p.address, data)
        else:
            c.send_channel(0x4000, data)
    c.send(p.address, b"marker")
    seen = [q for q in sniffer.until(lambda q: q.payload == b"marker")
            if q.src == OUTER][:-1]
    assert [q.payload[0] for q in seen] == list(range(64))
    assert [q.df for q in seen] == [n % 3 == 0 for n in range(64)]


def test_dont_fragment_means_it(world):
    """What does not fit is dropped, not cut; what just fits goes."""
    c, p, sniffer = world.client, world.peer, world.sniff(world.far)
    df = (stun.DONT_FRAGMENT, b"")
    fits = MTU - 28
    for size in (fits, fits + 1, 1372, 1472, 65000):
        c.send(p.address, bytes(size), df)
    c.send(p.address, b"marker", df)
    seen = [q for q in sniffer.until(lambda q: q.payload == b"marker")
            if q.src == OUTER]
    assert [len(q.payload) for q in seen] == [fits, len(b"marker")]
    assert not any(q.fragment for q in seen)


def test_large_payloads_through_a_small_mtu(world):
    """Fragmented by IP on both sides, and whole at the end."""
    c, p, sniffer = world.client, world.peer, world.sniff(world.far)
    other = Peer(sock=world.plain(world.far, PEER))
    for size in SIZES:
        data = os.urandom(size)
        c.send(p.address, data)
        assert p.receive() == (data, c.relayed), size
        c.send_channel(0x4000, data)
        assert p.receive() == (data, c.relayed), size
        p.send(c.relayed, data)
        assert c.receive() == (0x4000, data), size
        other.send(c.relayed, data)
        assert c.receive() == (other.address, data), size
    other.close()
    c.send_channel(0x4000, b"marker")
    seen = [q for q in sniffer.until(lambda q: q.payload == b"marker")
            if q.src == OUTER]
    assert all(q.fragment for q in seen[:-1])
    assert not any(q.df for q in seen)


def icmp_too_big(packet, mtu):
    """Destination unreachable, fragmentation needed, about a packet."""
    body = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + packet.raw[:28]
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]


def test_forged_icmp_does_not_shrink_us(world):
    """The same forgery about a plain socket's packet is believed: so it
    would have been about ours."""
    world.one_by_one()
    c, p, sniffer = world.client, world.peer, world.sniff(world.far)
    raw = world.far.socket(socket.AF_INET, socket.SOCK_RAW,
                           socket.IPPROTO_ICMP)
    plain = world.mid.bound(OUTER)
    plain.connect(p.address)

    def packet_with(data):
        return sniffer.until(lambda q: q.payload == data)[-1]

    c.send_channel(0x4000, b"relayed")
    raw.sendto(icmp_too_big(packet_with(b"relayed"), 600), (OUTER, 0))
    # Packets from one socket to one address are handled in order: when the
    # second forgery has worked, the first had its chance.
    plain.send(b"plain")
    raw.sendto(icmp_too_big(packet_with(b"plain"), 600), (OUTER, 0))
    with pytest.raises(OSError):
        for _ in range(1000):
            plain.send(bytes(1200))
    data = os.urandom(1200)
    c.send_channel(0x4000, data)
    whole = packet_with(data)
    assert not whole.fragment and not whole.df
    raw.close()
    plain.close()


def burst(sock, to, parts):
    """One send of equal parts (the last may be shorter), by GSO."""
    size = len(parts[0])
    assert all(len(part) == size for part in parts[:-1])
    sock.sendmsg([b"".join(parts)],
                 [(socket.IPPROTO_UDP, UDP_SEGMENT, struct.pack("=H", size))],
                 0, to)


def bursts(seed):
    """Groups of payloads: equal sizes, the last of each group shorter."""
    rng = random.Random(seed)
    number = 0
    for _ in range(60):
        size = rng.choice([8, 9, 50, 160, 161, 800, 1200, 1240])
        count = rng.randint(1, min(40, 60000 // (size + 4)))
        group = []
        for n in range(count):
            length = size if n < count - 1 else rng.randint(4, size)
            group.append(number.to_bytes(4, "big")
                         + rng.randbytes(length - 4))
            number += 1
        yield group


@pytest.mark.parametrize("workers", [1, 2])
def test_order_through_gro_and_gso(namespaces, daemon, workers):
    """Batches as the kernel hands them over coalesced: every payload
    arrives once, in order, byte for byte, both ways."""
    world = World(namespaces, lambda **kw: daemon(workers=workers, **kw))
    c, p = world.client, world.peer
    try:
        for group in bursts(workers):
            burst(c.sock, c.server,
                  [stun.channel_data(0x4000, data) for data in group])
            assert [p.receive()[0] for _ in group] == group
        for group in bursts(workers + 10):
            burst(p.sock, c.relayed, group)
            assert [c.receive() for _ in group] == [
                (0x4000, data) for data in group]
    finally:
        world.close()


def test_mixed_bursts_keep_order(world):
    """No waiting for the far end between groups of different sizes, headers
    and TOS."""
    c, p = world.client, world.peer
    rng = random.Random(7)
    for _ in range(20):
        sent = []
        for n in range(40):
            set_tos(c.sock, rng.choice([0, 2, 0xB8]))
            data = n.to_bytes(2, "big") + rng.randbytes(
                rng.choice([10, 10, 10, 160, 161, 1200]))
            way = rng.randrange(4)
            if way == 0:
                c.send(p.address, data)
            elif way == 1:
                c.send(p.address, data, (stun.DONT_FRAGMENT, b""))
            else:
                c.send_channel(0x4000, data)
            sent.append(data)
        assert [p.receive()[0] for _ in sent] == sent
