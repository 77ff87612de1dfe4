"""Not an amplifier, not an oracle: the abuse tests by their names.

    B1, B2, B4   test_answers_are_hardly_larger_than_requests
    B3           test_spoofed_flood, test_spoofed_flood_of_many_prefixes
    B5           test_nobody_is_answered
    B6           test_ports_of_other_services, test_own_listener_as_a_source
    L1           test_own_listener_as_a_source; as a peer: test_peer_rules.py
    L3           test_two_servers_made_to_talk_to_each_other
    N1, N2       test_nonce.c: known_nonces, no_two_clients_share_one
    N3           test_auth.py: test_nonce_of_another_client
    N4           test_nonce.py: test_expires
    N5           test_crypto.c: equal_or_not, by CRYPTO_memcmp
    N6           test_nonce.py: test_fleet_shares_a_key
    N7           test_auth.c: the_previous_nonce_key_is_still_good
    U1           test_password_guesser, test_office_with_the_right_passwords
    U2           test_auth.c: unknown_user_and_wrong_password_are_alike; the
                 bench prints the difference in time
    U3           test_auth.py: test_strange_names
    U4           test_auth.py: test_bid_down_is_400
    U5           test_auth.py: test_tampering, test_truncated_integrity
    R7           test_flood_beside_a_call

TURNPIKE_ABUSE=10 makes each flood ten times as long (`make check-abuse`).
"""

import os
import socket
import threading
import time

import pytest

import netns
import stun
from flood import Flood, Spoofer, counters
from sniffer import Sniffer
from turnclient import TurnClient, big_buffers
from workers import socket_on

pytestmark = pytest.mark.turnpike

TIMES = int(os.environ.get("TURNPIKE_ABUSE", "1"))
IP_UDP = 28  # bytes of both headers
ALLOWANCE = 64 * 1024
TRANSPORT = [stun.requested_transport()]
REQUEST = stun.encode(stun.ALLOCATE, attrs=TRANSPORT)
BINDING = stun.encode(stun.BINDING)


def test_answers_are_hardly_larger_than_requests(daemon, client):
    """In bytes of IP: a Binding response at most 1.3 times its request, a
    438 at most once, a 401 at most 76 bytes and the realm (12 more where
    SHA-256 is offered); the budget does the rest."""
    server = daemon()
    c = client(server)
    answer = c.exchange(BINDING)
    assert len(answer.raw) + IP_UDP <= 1.3 * (len(BINDING) + IP_UDP)
    for request in (stun.encode(stun.ALLOCATE), REQUEST):
        answer = c.exchange(request)
        assert answer.error == 401 and len(answer.raw) <= 76 + 12 + 12
        print(f"401 to {len(request)} bytes: {len(answer.raw)}, "
              f"{(len(answer.raw) + IP_UDP) / (len(request) + IP_UDP):.2f}"
              " times in bytes of IP")
    for legacy in (False, True):
        other = client(server, legacy=legacy)
        other.learn(answer)
        request = other.build(stun.ALLOCATE, TRANSPORT)
        answer = other.exchange(request)
        assert answer.error == 438 and len(answer.raw) <= len(request)


def test_office_starts_at_once(daemon):
    """1,000 clients behind one address, all at the same moment: each has its
    401 within 3 s, without asking twice."""
    server = daemon(realm="turn.example.com")
    waiting = {}
    try:
        for _ in range(1000):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind(("127.0.0.3", 0))
            sock.settimeout(3)
            waiting[sock] = stun.new_id()
        begin = time.monotonic()
        for sock, tid in waiting.items():
            sock.sendto(stun.encode(stun.ALLOCATE, attrs=TRANSPORT, tid=tid),
                        server.address)
        for sock, tid in waiting.items():
            answer = stun.Message(sock.recv(2048))
            assert answer.error == 401 and answer.tid == tid
        assert time.monotonic() - begin < 3
    finally:
        for sock in waiting:
            sock.close()


# --- floods of requests without credentials ------------------------------------

@pytest.fixture
def alone(namespaces, daemon):
    """(namespace, server): nobody else sends anything there."""
    ns, = namespaces("flood")
    return ns, daemon(netns=ns)


def flood_replies(ns, server, count, sources, per_s):
    """Floods; returns (received, sent, seconds), in bytes of IP."""
    with ns.bound("0.0.0.0") as sock:
        datagrams, octets = counters(ns)
        flood = Flood(sock, server.address, REQUEST, count, sources,
                      per_s).start().join()
        # What waits in the listeners' queues is read before these.
        for worker in range(2):
            with socket_on(worker, 2, make=ns.socket) as prober:
                probe(prober, server)
        now_datagrams, now_octets = counters(ns)
    received = count * (len(REQUEST) + IP_UDP)
    sent = now_octets - octets - received
    print(f"{count} requests in {flood.seconds:.1f} s, {received} bytes: "
          f"{now_datagrams - datagrams - count} answers, {sent} bytes")
    return received, sent, flood.seconds


def probe(sock, server):
    """A Binding request is answered, perhaps not at the first try."""
    sock.settimeout(1)
    for _ in range(20):
        sock.sendto(BINDING, server.address)
        try:
            sock.recv(2048)
            return
        except socket.timeout:
            continue
    raise AssertionError("no answer after the flood")


def windows(seconds):
    """How many windows of 10 s cover that time and what it takes to drain."""
    return int((seconds + 1) / 10) + 1


@pytest.mark.root
def test_spoofed_flood(alone):
    """100,000 a second from one /24, or as many as this machine sends: at
    most 1.0 times what came from it, and 64 KiB."""
    ns, server = alone
    sources = [f"127.7.7.{n}" for n in range(1, 255)]
    received, sent, seconds = flood_replies(ns, server, 200000 * TIMES,
                                            sources, 100000)
    assert sent <= received + windows(seconds) * ALLOWANCE
    # It did answer: also who is in that /24 gets through by and by.
    assert sent > received / 4


@pytest.mark.root
def test_spoofed_flood_of_many_prefixes(alone):
    """10^5 requests of 12,500 sources: each of their 50 prefixes has its
    budget, and no more."""
    ns, server = alone
    sources = [f"127.8.{n % 50}.{n // 50 + 1}" for n in range(12500)]
    received, sent, seconds = flood_replies(ns, server, 100000 * TIMES,
                                            sources, 100000)
    assert sent <= received + windows(seconds) * len(sources) // 250 \
        * ALLOWANCE
    assert sent > received / 4


@pytest.mark.root
def test_flood_beside_a_call(alone):
    """200,000 requests without credentials: memory as before to 1 %, and of
    a call of 50 packets a second each way not one is lost."""
    ns, server = alone
    sources = [f"127.{n % 250}.{n // 250 % 250}.9" for n in range(1000, 21000)]
    with TurnClient(server.address, sock=ns.bound("127.0.0.1")) as c, \
            ns.bound("127.0.0.1") as far, ns.bound("0.0.0.0") as sock:
        big_buffers(far)
        far.settimeout(5)
        c.allocate()
        c.bind_channel(0x4000, far.getsockname())
        # Until each buffer of a batch was in use once.
        Flood(sock, server.address, REQUEST, 20000, sources).start().join()
        for n in range(10):
            c.send_channel(0x4000, b"first")
            far.recv(2048)
        probe(c.sock, server)
        rss = server.rss_kb()
        flood = Flood(sock, server.address, REQUEST, 200000 * TIMES, sources,
                      25000).start()
        media = []
        while flood.thread.is_alive():
            media.append(b"media %d" % len(media))
            c.send_channel(0x4000, media[-1])
            far.sendto(media[-1], c.relayed)
            time.sleep(0.02)
        flood.join()
        assert [far.recv(2048) for _ in media] == media
        assert [c.receive() for _ in media] == [(0x4000, m) for m in media]
        after = server.rss_kb()
        print(f"{len(media)} packets each way; {rss} kB, {after} kB after")
        assert abs(after - rss) <= rss / 100
        c.refresh(0)


# --- who is never answered ------------------------------------------------------

@pytest.fixture
def two(namespaces, daemon):
    """(server's namespace, clients' namespace, server at 10.9.0.1:3478)."""
    a, b = namespaces("server", "clients")
    netns.join(a, b, "10.9.0.1/24", "10.9.0.2/24")
    # One worker, so that what is sent last is answered last.
    return a, b, daemon(netns=a, address="10.9.0.1", port=3478, workers=1)


def expect_answers(two, sources, answered):
    """To which of the spoofed sources something comes back."""
    _, b, server = two
    # Answers to neighbours that there are not shall leave as well.
    for host in {ip for ip, _ in sources}:
        if host.startswith("10.9.0."):
            two[0].ip("neigh", "replace", host, "lladdr",
                      link_address(b), "dev", "veth0")
    with Sniffer(b) as sniffer, Spoofer(b) as spoofer, \
            b.bound("10.9.0.2") as marker:
        for source in sources:
            for request in (REQUEST, BINDING):
                spoofer.send(source, server.address, request)
        marker.sendto(BINDING, server.address)
        seen = sniffer.until(lambda p: p.dport == marker.getsockname()[1])
    back = {(p.dst, p.dport) for p in seen[:-1] if p.protocol == 17}
    assert back == set(answered), back


def link_address(ns):
    return ns.ip("link", "show", "dev", "veth0").split("link/ether ")[1][:17]


@pytest.mark.root
def test_nobody_is_answered(two):
    """No error goes to multicast or broadcast addresses."""
    expect_answers(two, [(ip, 5000) for ip in (
        "224.0.0.1", "239.255.255.250", "255.255.255.255", "10.9.0.255",
        "127.0.0.1")], [])


@pytest.mark.root
def test_ports_of_other_services(two):
    """Port 0 is not answered, others are, under the budget."""
    sources = [("10.9.0.77", port) for port in (0, 53, 123, 1900, 3478)]
    expect_answers(two, sources, sources[1:])


@pytest.mark.root
def test_own_listener_as_a_source(namespaces, daemon):
    """What claims to come from ourselves would be answered for ever."""
    ns, = namespaces("self")
    server = daemon(netns=ns, workers=1)
    with Sniffer(ns) as sniffer, Spoofer(ns) as spoofer, \
            ns.bound("127.0.0.1") as marker:
        for request in (REQUEST, BINDING):
            spoofer.send(server.address, server.address, request)
        marker.sendto(BINDING, server.address)
        seen = sniffer.until(lambda p: p.dport == marker.getsockname()[1])
    assert [p.payload for p in seen] == [REQUEST, BINDING, BINDING,
                                         seen[-1].payload]


@pytest.mark.root
def test_two_servers_made_to_talk_to_each_other(namespaces, daemon):
    """One answer, to which there is none."""
    ns, = namespaces("pair")
    a = daemon(netns=ns, address="127.0.0.1", port=3478, workers=1)
    b = daemon(netns=ns, address="127.0.0.2", port=3478, workers=1)
    with Sniffer(ns) as sniffer, Spoofer(ns) as spoofer, \
            ns.bound("127.0.0.1") as marker:
        ours = marker.getsockname()[1]
        spoofer.send(b.address, a.address, REQUEST)
        spoofer.send(a.address, b.address, BINDING)
        for server in (a, b, a, b):
            marker.sendto(BINDING, server.address)
            marker.recv(2048)
        marker.sendto(b"the end", marker.getsockname())
        seen = sniffer.until(lambda p: p.payload == b"the end")
    between = [p for p in seen if ours not in (p.sport, p.dport)]
    assert len(between) == 4, between


# --- passwords -------------------------------------------------------------------

def drain(sock, codes, stop):
    """Counts answers by their code until told to stop and nothing is left."""
    sock.settimeout(0.2)
    while True:
        try:
            answer = stun.Message(sock.recv(2048))
            codes[answer.error] = codes.get(answer.error, 0) + 1
        except socket.timeout:
            if stop.is_set():
                return


@pytest.mark.parametrize("made_up", [False, True],
                         ids=["nonce", "made-up-nonce"])
def test_password_guesser(daemon, client, made_up):
    """10^5 wrong passwords of one address, with a nonce that was sent to it
    or not: ten are looked at and then one a second; who has the right one
    elsewhere does not notice."""
    server = daemon(log={"level": "info"})
    guesser = client(server, password="guess", bind=("127.0.0.2", 0))
    guesser.get_challenge()
    if made_up:
        guesser.nonce = client(server).get_challenge().get(stun.NONCE)
    wrong = guesser.build(stun.ALLOCATE, TRANSPORT)
    codes, stop = {}, threading.Event()
    reader = threading.Thread(target=drain, args=(guesser.sock, codes, stop))
    reader.start()
    flood = Flood(guesser.sock, server.address, wrong, 100000 * TIMES,
                  per_s=50000).start()
    while flood.thread.is_alive():
        c = client(server)
        c.allocate()
        c.refresh(0)
    flood.join()
    stop.set()
    reader.join()
    looked_at = 10 + flood.seconds + 1
    if made_up:
        # Not even whether it was right is told from then on, and the right
        # one is through with the nonce that it is given.
        assert 10 <= codes[401] <= looked_at + 4 and codes[438] > 1000
        right = client(server, bind=("127.0.0.2", 0))
        right.allocate()
    else:
        assert set(codes) == {401} and 10 <= codes[401] <= looked_at + 4
        server.await_log("requests throttled client=127.0.0.2:")
        assert len(server.lines("requests throttled")) == 1


def test_office_with_the_right_passwords(daemon, client):
    """300 clients behind one address are not throttled for being many."""
    server = daemon()
    for _ in range(300):
        c = client(server, bind=("127.0.0.3", 0))
        c.allocate()
        c.refresh(0)
        c.close()
