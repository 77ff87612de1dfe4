"""Nothing runs out for good: the abuse tests of group R, beside those of
test_limits.py.

    R2, R3  test_vanished_clients_give_everything_back
    R3      test_allocate_and_leave
    R4      test_reservations_run_out_and_come_back
    R5      test_every_channel_number
    R6      test_refresh_zero_storm

TURNPIKE_ABUSE=10 does each ten times as often (`make check-abuse`), and a
thousand is the 10^6 of the notes for R3: an hour.
"""

import os
import socket

import pytest

import stun
from daemon import free_range, until
from flood import Flood
from test_credentials import SECRET, minted

pytestmark = pytest.mark.turnpike

TIMES = int(os.environ.get("TURNPIKE_ABUSE", "1"))


def grown(server, before_kb):
    """By how much memory has, beyond 1 % and a page or two per table."""
    return server.rss_kb() - before_kb - max(before_kb // 100, 64)


def test_vanished_clients_give_everything_back(daemon, client):
    """Clients that take the whole port range and are never heard of again:
    508 for everybody else until they have expired, and then all of it is
    there as before. The end of a credential is the soonest that there is;
    that of a lifetime, ten minutes, is the simulator's."""
    first = free_range(64)
    server = daemon(secrets=[{"secret": SECRET}], time_limited={
        "skew": "0s", "end_sessions": "on"}, limits={
            "dynamic_allocations_per_user": 0,
            "dynamic_allocations_per_source": 0},
        relay={"address": "127.0.0.1", "ports": [first, first + 63]})
    client(server).exchange(stun.encode(stun.BINDING))
    descriptors = server.descriptors()

    def take_all(lifetime_s):
        user = minted(lifetime_s=lifetime_s)
        clients = [client(server, *user) for _ in range(64)]
        for c in clients:
            c.allocate()
            c.permit("127.0.0.1")
            c.bind_channel(0x4000, ("127.0.0.1", 9))
        return clients

    # Until each page of the tables was touched once.
    for _ in range(8):
        for c in take_all(600):
            c.refresh(0)
            c.close()
    rss = server.rss_kb()
    for rounds in range(TIMES):
        clients = take_all(3)
        taken = {c.relayed[1] for c in clients}
        for c in clients:
            c.close()
        assert taken == set(range(first, first + 64))
        client(server).allocate(expect=508)
        until(lambda: len(server.lines("credential-expired"))
              == 64 * (rounds + 1)
              and server.descriptors() <= descriptors)
    assert grown(server, rss) <= 0
    everything = [client(server) for _ in range(64)]
    for c in everything:
        c.allocate()
    client(server).allocate(expect=508)


def test_allocate_and_leave(daemon, client):
    """1,000 allocations of one client, one after the other."""
    server = daemon()
    c = client(server)
    c.get_challenge()
    descriptors = server.descriptors()

    def churn(count):
        for _ in range(count):
            c.allocate()
            c.refresh(0)

    churn(300)
    rss = server.rss_kb()
    churn(1000 * TIMES)
    until(lambda: server.descriptors() <= descriptors)
    assert grown(server, rss) <= 0


def test_reservations_run_out_and_come_back(daemon, client):
    """Whoever reserves ports and never comes for them has them charged, and
    what nobody redeemed is free again after 30 s: the simulator's; here,
    that no token can be made up, used twice, or used by another."""
    server = daemon(users=[{"name": "alice", "password": "secret"},
                           {"name": "bob", "password": "builder"}])
    for _ in range(20 * TIMES):
        c = client(server)
        token = c.allocate(stun.even_port(True)).get(stun.RESERVATION_TOKEN)
        client(server, "bob", "builder").allocate(
            (stun.RESERVATION_TOKEN, token), expect=508)
        made_up = bytes([token[0] ^ 1]) + token[1:]
        client(server).allocate((stun.RESERVATION_TOKEN, made_up),
                                expect=508)
        second = client(server)
        second.allocate((stun.RESERVATION_TOKEN, token))
        assert second.relayed[1] == c.relayed[1] + 1
        client(server).allocate((stun.RESERVATION_TOKEN, token), expect=508)
        second.refresh(0)
        c.refresh(0)


def test_every_channel_number(daemon, client, peer):
    """All 4,096 of one allocation, each to a peer of its own; there is no
    other, and the next allocation has them again."""
    server = daemon(limits={"channels": 4096, "peers": 0,
                            "new_peers_per_second": 0}, workers=1)
    far = peer()
    for _ in range(2):
        c = client(server)
        c.allocate()
        for number in range(0x4000, 0x4FFF):
            c.bind_channel(number, ("127.0.0.1", number - 0x3000))
        c.bind_channel(0x4FFF, far.address)
        for number in (0x3FFF, 0x5000):
            c.bind_channel(number, ("127.0.0.1", 9), expect=400)
        c.bind_channel(0x4000, ("127.0.0.1", 9), expect=400)
        c.send_channel(0x4FFF, b"the last one")
        assert far.receive()[0] == b"the last one"
        c.refresh(0)


def test_refresh_zero_storm(daemon, client):
    """The same Refresh 0 in 20,000 copies: one end, and a client beside it
    that does not notice."""
    server = daemon()
    victim, beside = client(server), client(server)
    beside.allocate()
    for _ in range(3):
        victim.allocate()
        storm = victim.build(stun.REFRESH, [stun.lifetime(0)])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            flood = Flood(victim.sock, server.address, storm, 5000 * TIMES,
                          per_s=50000).start()
            # Nobody else can end it.
            other.sendto(storm, server.address)
            while flood.thread.is_alive():
                beside.refresh()
            flood.join()
        codes = set()
        while (raw := victim.read(0.3)) is not None:
            codes.add(stun.Message(raw).error)
        assert codes <= {None, 437}, codes
    server.stop()
    assert len(server.lines("session ended.*refresh-0")) == 3
