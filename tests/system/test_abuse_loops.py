"""Packets that come back: the abuse tests of group L.

Inside one server no packet can go round: what a client sends to a relayed
address of ours is given to that allocation's client and to nobody else, and
our listeners are no peers. Through two servers a packet gets a header, or
loses one, at each hop; what is wrapped too deep goes no further. Every test
counts, on a sniffer, all that its packets brought about.

    L1  test_relay_to_own_listener, test_own_relay_as_a_client
    L2  test_channel_data_in_channel_data, test_ping_pong_has_the_users_rate
    L3  test_each_others_listeners_as_peers, test_servers_in_a_ring
    L4  test_chain_inside_one_server, test_chain_across_two_servers
"""

import socket
import threading
import time

import pytest

import stun
from flood import Spoofer
from sniffer import Sniffer
from turnclient import NoAnswer, TurnClient

pytestmark = [pytest.mark.turnpike, pytest.mark.root]

IP = "127.0.0.1"
OTHER = "127.0.0.2"
LISTENER = (IP, 3478)
HEADERS = 28
DEEPEST = 4  # NESTING_MAX
BINDING = stun.encode(stun.BINDING)
REQUEST = stun.encode(stun.ALLOCATE, attrs=[stun.requested_transport()])


@pytest.fixture
def ns(namespaces):
    made, = namespaces("loops")
    return made


@pytest.fixture
def join(ns, client):
    """join(server) makes an allocated client in the namespace."""
    def make(server, ip=IP):
        c = client(server, sock=ns.bound(ip))
        c.allocate()
        return c
    return make


def all_packets(ns, act):
    """What is sent while act() runs and until a datagram of our own."""
    with Sniffer(ns) as sniffer, ns.bound(IP) as marker:
        act()
        marker.sendto(b"the end", marker.getsockname())
        return sniffer.until(lambda p: p.payload == b"the end")[:-1]


def settled(*clients):
    """What these sent has been dealt with: each has asked and was told."""
    for c in clients:
        c.refresh()


def test_relay_to_own_listener(ns, daemon, join):
    """Whatever is said of peers, and in each way to say it."""
    server = daemon(netns=ns, port=LISTENER[1], workers=1,
                    peers={"allow": ["0.0.0.0/0"]})
    c = join(server)
    c.permit(IP)

    def act():
        c.bind_channel(0x4000, LISTENER, expect=403)
        c.send_channel(0x4000, BINDING)
        for data in (BINDING, REQUEST, stun.channel_data(0x4000, b"x")):
            c.send(LISTENER, data)
        c.answered_only()

    seen = all_packets(ns, act)
    assert not [p for p in seen if c.relayed[1] in (p.sport, p.dport)], seen


def test_own_relay_as_a_client(ns, daemon, join):
    """What claims to come from a relayed address of ours finds no client in
    it: there is at most one answer, and none to that."""
    server = daemon(netns=ns, port=LISTENER[1], workers=1)
    c = join(server)
    c.permit(IP)

    def act():
        with Spoofer(ns) as spoofer:
            for data in (BINDING, REQUEST, stun.channel_data(0x4000, b"x")):
                spoofer.send(c.relayed, LISTENER, data)
        settled(c, c)

    seen = all_packets(ns, act)
    to_relay = [p for p in seen if p.dport == c.relayed[1]]
    from_relay = [p for p in seen if p.sport == c.relayed[1]]
    assert len(to_relay) <= 2 and len(from_relay) == 3, seen


def test_channel_data_in_channel_data(ns, daemon, join):
    """What a relay brings to another is data for its client, however much
    it looks like a message to the server: one hop for each packet."""
    server = daemon(netns=ns, port=LISTENER[1])
    a, b = join(server), join(server)
    a.bind_channel(0x4000, b.relayed)
    b.bind_channel(0x4000, a.relayed)
    data = b"inner"
    for _ in range(DEEPEST):
        data = stun.channel_data(0x4000, data)

    def act():
        a.send_channel(0x4000, data)
        assert b.receive() == (0x4000, data)
        # One more is too many, in whichever message.
        a.send_channel(0x4000, stun.channel_data(0x4000, data))
        a.send(b.relayed, stun.channel_data(0x4000, data))
        a.refresh()
        b.refresh()
        b.raw(data)
        assert a.receive() == (0x4000, data[4:])

    seen = all_packets(ns, act)
    assert len([p for p in seen if p.sport == 3478]) == 4
    assert not {p.dport for p in seen} & {a.relayed[1], b.relayed[1]}


def test_ping_pong_has_the_users_rate(ns, daemon, join):
    """Two clients that return whatever they get: the user's rate holds, and
    what it costs the server is the price of that rate."""
    rate = 200_000
    server = daemon(netns=ns, port=LISTENER[1], limits={"rate_burst": "1s"},
                    users=[{"name": "alice", "password": "secret",
                            "rate": "200kB/s"}])
    a, b = join(server), join(server)
    a.bind_channel(0x4000, b.relayed)
    b.bind_channel(0x4000, a.relayed)
    over = threading.Event()
    passed = [0, 0]

    def echo(c, way):
        while not over.is_set():
            raw = c.read(0.1)
            if raw:
                passed[way] += len(raw) - 4 + HEADERS
                c.raw(raw)

    threads = [threading.Thread(target=echo, args=pair)
               for pair in ((a, 0), (b, 1))]
    begin_cpu, begin = server_cpu(server), time.monotonic()
    for thread in threads:
        thread.start()
    # Nothing keeps a loop alive that loses packets; so there is more to
    # lose than may pass.
    while time.monotonic() < begin + 3:
        for c in (a, b):
            c.send_channel(0x4000, bytes(972))
        time.sleep(0.001)
    over.set()
    for thread in threads:
        thread.join()
    took_s = time.monotonic() - begin
    cpu_s = server_cpu(server) - begin_cpu
    # What a busy machine has not let the two take in yet was relayed, too.
    for c, way in (a, 0), (b, 1):
        while raw := c.read(0.1):
            passed[way] += len(raw) - 4 + HEADERS
    print(f"{passed} bytes in {took_s:.1f} s, {cpu_s:.2f} s of the processor")
    # With the burst, and a slice of each worker.
    assert sum(passed) <= rate * (took_s + 1) * 1.05
    assert sum(passed) >= rate * took_s * 0.9
    assert cpu_s <= took_s / 2


def server_cpu(server):
    """Seconds of processor time that the process has used."""
    total = 0
    for task in server.tasks():
        with open(f"/proc/{server.pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def pair(ns, daemon):
    return (daemon(netns=ns, address=IP, port=3478, workers=1),
            daemon(netns=ns, address=OTHER, port=3478, workers=1))


def octets(packets):
    """Their payload; packets that left together may be seen as one."""
    return sum(len(p.payload) for p in packets)


def test_each_others_listeners_as_peers(ns, daemon, join):
    """Two allocations, each of which has the other's server for a peer: a
    server answers a request once and nothing else at all."""
    a, b = pair(ns, daemon)
    ca, cb = join(a), join(b)
    ca.bind_channel(0x4000, b.address)
    cb.bind_channel(0x4000, a.address)
    said = [BINDING, REQUEST, stun.channel_data(0x4000, b"x"),
            stun.encode(stun.DATA_METHOD, stun.INDICATION),
            stun.encode(stun.BINDING, stun.SUCCESS)]
    answers = {}

    def act():
        for c, far in ((ca, b), (cb, a)):
            for data in said:
                c.send(far.address, data)
                c.send_channel(0x4000, data)
            answers[c] = [c.receive()[1] for _ in range(4)]
        for c in (ca, cb, ca, cb):
            c.answered_only()

    seen = all_packets(ns, act)
    for c in (ca, cb):
        assert sorted(stun.Message(raw).cls for raw in answers[c]) == sorted(
            [stun.SUCCESS, stun.ERROR] * 2)
        port = c.relayed[1]
        assert octets(p for p in seen if p.sport == port) == \
            2 * sum(map(len, said))
        assert octets(p for p in seen if p.dport == port) == \
            sum(map(len, answers[c]))


def test_chain_inside_one_server(ns, daemon, join):
    """Sixteen allocations, each with the next for a peer: a packet goes from
    the first to the second, not a step further."""
    server = daemon(netns=ns, port=LISTENER[1])
    chain = [join(server) for _ in range(16)]
    for here, there in zip(chain, chain[1:] + chain[:1]):
        here.permit(there.relayed)
        here.bind_channel(0x4000, there.relayed)
    for there, here in zip(chain[1:] + chain[:1], chain):
        there.permit(here.relayed)
    data = b"inner"
    for _ in range(DEEPEST):
        data = stun.channel_data(0x4000, data)

    def act():
        chain[0].send_channel(0x4000, data)
        assert chain[1].receive()[1] == data
        for c in chain:
            c.answered_only()

    seen = all_packets(ns, act)
    assert len(seen) == 2 + 2 * len(chain)


class Tunnel:
    """A client's socket that is a channel of another client's allocation."""

    def __init__(self, c, number, peer):
        self.c, self.number, self.peer = c, number, peer
        c.bind_channel(number, peer)
        self.timeout_s = None

    def sendto(self, data, _):
        self.c.send_channel(self.number, data)

    def recvfrom(self, _):
        raw = self.c.inbox.pop(0) if self.c.inbox else \
            self.c.read(self.timeout_s)
        if raw is None:
            raise socket.timeout
        return stun.parse_channel_data(raw)[1], self.peer

    def settimeout(self, timeout_s):
        self.timeout_s = timeout_s

    def setsockopt(self, *_):
        pass

    def getsockname(self):
        return self.c.relayed


def test_chain_across_two_servers(ns, daemon, join):
    """A client may reach the other server through the one, but there is an
    end to the chain, whoever makes it."""
    servers = pair(ns, daemon)
    chain = [join(servers[0])]
    with pytest.raises(NoAnswer):
        for n in range(1, 16):
            c = TurnClient(servers[n % 2].address, sock=Tunnel(
                chain[-1], 0x4000, servers[n % 2].address))
            c.exchange(BINDING, patience_s=0.6)
            c.allocate()
            chain.append(c)
    assert len(chain) == DEEPEST + 2


def test_servers_in_a_ring(ns, daemon, join):
    """The worst that two credentials can make: each server believes the
    other's relayed address to be its client, and the other's listener is
    its peer. The relay port that must be had again is the only one here; the
    answer to the last request is what goes round."""
    a = daemon(netns=ns, address=IP, port=3478, workers=1)
    b = daemon(netns=ns, address=OTHER, port=3478, workers=1,
               relay={"address": OTHER, "ports": [61000, 61000]})
    first = join(b)
    via_b = TurnClient(a.address, sock=Tunnel(first, 0x4000, a.address))
    via_b.allocate()
    via_a = TurnClient(b.address, sock=Tunnel(via_b, 0x4000, b.address))
    via_a.get_challenge()
    allocate = via_a.build(stun.ALLOCATE, [stun.requested_transport()])
    bind = via_a.build(stun.CHANNEL_BIND, [stun.channel_number(0x4000),
                                           stun.peer(a.address)])
    first.refresh(0)

    def act():
        with Spoofer(ns) as spoofer, ns.bound(IP) as marker:
            marker.settimeout(5)
            for data in (allocate, bind):
                spoofer.send(first.relayed, a.address,
                             stun.channel_data(0x4000, data))
                for server in (a, b) * 50:
                    marker.sendto(BINDING, server.address)
                    marker.recv(2048)

    rings = {first.relayed[1], via_b.relayed[1]}
    seen = [p for p in all_packets(ns, act) if {p.sport, p.dport} & rings]
    # It was a ring: what came back was wrapped and sent on.
    assert max(p.payload.count(b"\x40\x00") for p in seen) > 1
    assert len(seen) <= 6 + DEEPEST + 2, len(seen)
