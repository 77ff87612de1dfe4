"""Reloads with many allocations under load: 1,000, or 10,000 with
TURNPIKE_ABUSE=10 (`make check-abuse`). Not one packet may be lost."""

import os
import select
import socket
import struct
import threading
import time

import pytest

import stun
from daemon import free_port, until
from test_reload import ALICE, BOB, is_bound, listener, reload
from turnclient import TurnClient, big_buffers

pytestmark = pytest.mark.turnpike

TIMES = int(os.environ.get("TURNPIKE_ABUSE", "1"))
ALLOCATIONS = 1000 * TIMES
CHANNEL = 0x4000
IP_PKTINFO = 8
# Packets on their way, so that no socket of the test itself overflows.
WINDOW = 128
PATIENCE_S = 5


class Crowd:
    """Clients at many addresses, each in a /24 of its own, by one socket."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_IP, IP_PKTINFO, 1)
        big_buffers(self.sock)
        self.sock.bind(("0.0.0.0", 0))
        self.port = self.sock.getsockname()[1]

    def send(self, data, ip, server):
        info = struct.pack("=I4s4s", 0, socket.inet_aton(ip), bytes(4))
        self.sock.sendmsg([data], [(socket.SOL_IP, IP_PKTINFO, info)], 0,
                          server)


class Member(TurnClient):
    """One of them, alone on the socket while it sets itself up."""

    def __init__(self, crowd, number, server):
        super().__init__(server.address, sock=crowd.sock)
        self.crowd = crowd
        self.ip = f"127.{1 + number // 250}.{1 + number % 250}.1"

    @property
    def address(self):
        return self.ip, self.crowd.port

    def raw(self, data):
        self.crowd.send(data, self.ip, self.server)

    def close(self):
        pass


class Load:
    """Packets round and round: client, server, peer, server, client. Runs in
    a thread until it is told to stop, and then until all are back."""

    def __init__(self, crowd, members, peer):
        self.crowd, self.members, self.peer = crowd, members, peer
        self.sent = self.back = 0
        self.order = {m.ip: [0, 0] for m in members}
        self.wrong = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def send(self):
        member = self.members[self.sent % len(self.members)]
        count = self.order[member.ip]
        data = struct.pack("!HHQ", CHANNEL, 8, count[0])
        count[0] += 1
        self.sent += 1
        member.raw(data)

    def take(self):
        """One that is back must be the next of its session."""
        data, ancillary, _, _ = self.crowd.sock.recvmsg(2048, 64)
        info = next(d for level, kind, d in ancillary
                    if (level, kind) == (socket.SOL_IP, IP_PKTINFO))
        ip = socket.inet_ntoa(info[8:12])
        number, length, count = struct.unpack("!HHQ", data[:12])
        if (number, length, count) != (CHANNEL, 8, self.order[ip][1]):
            self.wrong.append((ip, data))
        self.order[ip][1] += 1
        self.back += 1

    def step(self, deadline):
        if not self.over.is_set() and self.sent - self.back < WINDOW:
            self.send()
        ready, _, _ = select.select([self.crowd.sock, self.peer], [], [],
                                    max(0, deadline - time.monotonic())
                                    if self.over.is_set() else 0)
        if self.peer in ready:
            self.peer.sendto(*self.peer.recvfrom(2048))
        if self.crowd.sock in ready:
            self.take()

    def run(self):
        deadline = None
        while not self.over.is_set() or self.back < self.sent:
            if self.over.is_set():
                deadline = deadline or time.monotonic() + PATIENCE_S
                if time.monotonic() > deadline:
                    return
            self.step(deadline or 0)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def await_more(self, packets):
        back = self.back
        until(lambda: self.back >= back + packets, timeout_s=20)


@pytest.fixture
def crowd():
    made = Crowd()
    yield made
    made.sock.close()


def test_reloads_lose_nothing(daemon, client, crowd):
    server = daemon(users=[ALICE, BOB],
                    relay={"address": "127.0.0.2", "ports": [20000, 50000]},
                    limits={"allocations": ALLOCATIONS + 100})
    first, second = server.address[1], free_port()
    members = [Member(crowd, i, server) for i in range(ALLOCATIONS)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        big_buffers(peer)
        for m in members:
            m.allocate()
            m.bind_channel(CHANNEL, peer.getsockname())
        longest = 0
        with Load(crowd, members, peer) as load:
            load.await_more(len(members))
            for changes in (
                    {"users": [ALICE], "listen": [listener(first),
                                                  listener(second)]},
                    {"listen": [listener(second)], "limits": {
                        "allocations_per_user": 10}},
                    {"peers": {"allow": ["127.0.0.0/8"],
                               "deny": ["203.0.113.0/24"]}},
                    {"users": [ALICE, BOB], "nonce": {
                        "key": os.urandom(32).hex()}},
                    {"listen": [listener(first), listener(second)]}):
                began = time.monotonic()
                reload(server, **changes)
                longest = max(longest, time.monotonic() - began)
                load.await_more(500)
            reload(server, text="limits = ;", expect="reload refused")
            load.await_more(len(members))
    assert not load.wrong, load.wrong[:5]
    assert load.back == load.sent > 2 * ALLOCATIONS
    print(f"{ALLOCATIONS} allocations, {load.sent} packets there and back, "
          f"the longest of 5 reloads {longest * 1000:.0f} ms")
    for m in members[::ALLOCATIONS // 50]:
        m.refresh()
    # A listener of that many sessions goes with the last of them.
    reload(server, listen=[listener(second)])
    for m in members[:-1]:
        m.refresh(0)
    assert is_bound(first)
    members[-1].refresh(0)
    until(lambda: not is_bound(first))
    assert client(("127.0.0.1", second)).exchange(
        stun.encode(stun.BINDING)).error is None
