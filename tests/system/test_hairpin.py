"""Two clients of this server reach each other inside the process, by the
private and by the advertised form of a relayed address, across workers."""

import os

import pytest

from workers import socket_on, worker_of

pytestmark = pytest.mark.turnpike

BOUND = "127.0.0.1"
TOLD = "20.202.255.255"
RELAY = {"address": BOUND, "advertise": TOLD, "ports": [61000, 65535]}


@pytest.fixture
def two(daemon, client):
    """two(workers, same) gives two allocated clients, on the same worker
    or not, of a server that advertises another address and has no peer
    rules of ours: the hairpin needs no exception."""
    def make(workers=2, same=False, **config):
        server = daemon(workers=workers, relay=RELAY, remove=("peers",),
                        **config)
        first = socket_on(0, workers)
        second = socket_on(0 if same else workers - 1, workers)
        pair = (client(server, sock=first), client(server, sock=second))
        for c in pair:
            c.allocate()
            assert c.relayed[0] == TOLD
        return pair
    return make


def private(c):
    return BOUND, c.relayed[1]


def told(c):
    return c.relayed


# Both ends on each worker count; with one worker they are always together.
PLACES = [(1, True), (2, True), (2, False), (5, True), (5, False)]
places = pytest.mark.parametrize("workers,same", PLACES)


@places
@pytest.mark.parametrize("form", [private, told])
def test_indications(two, workers, same, form):
    a, b = two(workers, same)
    assert (worker_of(a.address, workers) == worker_of(b.address, workers)) \
        == same
    a.permit(form(b))
    b.permit(form(a))
    for size in (0, 1, 100, 1200, 1472, 20000, 65000):
        data = os.urandom(size)
        a.send(form(b), data)
        assert b.receive() == (form(a), data)
        b.send(form(a), data)
        assert a.receive() == (form(b), data)


@places
@pytest.mark.parametrize("form", [private, told])
def test_channels(two, workers, same, form):
    a, b = two(workers, same)
    a.bind_channel(0x4001, form(b))
    b.bind_channel(0x4002, form(a))
    for size in (0, 1, 2, 3, 100, 1200, 65000):
        data = os.urandom(size)
        a.send_channel(0x4001, data)
        assert b.receive() == (0x4002, data)
        b.send_channel(0x4002, data)
        assert a.receive() == (0x4001, data)


@places
def test_forms_may_be_mixed(two, workers, same):
    """Both forms are one peer; a Data indication shows the one that the
    receiver named, the advertised one if it named both."""
    a, b = two(workers, same)
    a.permit(private(b))
    b.permit(told(a))
    a.send(told(b), b"from the private namer")
    assert b.receive() == (told(a), b"from the private namer")
    b.send(private(a), b"from the public namer")
    assert a.receive() == (private(b), b"from the public namer")
    a.permit(told(b))
    b.send(private(a), b"a has named both")
    assert a.receive() == (told(b), b"a has named both")


def test_both_forms_are_one_channel(two):
    a, b = two()
    a.bind_channel(0x4001, private(b))
    a.bind_channel(0x4001, told(b))
    a.bind_channel(0x4002, told(b), expect=400)
    b.permit(private(a))
    a.send_channel(0x4001, b"one peer")
    assert b.receive() == (private(a), b"one peer")


@places
def test_receiver_must_permit(two, client, workers, same):
    """Delivered only to an allocation that itself permits the sender."""
    a, b = two(workers, same)
    a.bind_channel(0x4001, told(b))
    a.send_channel(0x4001, b"not permitted")
    a.send(told(b), b"not permitted")
    # When a neighbour of b gets what was sent after it, it is over.
    neighbour = client(a.server, sock=socket_on(
        worker_of(b.address, workers), workers))
    neighbour.allocate()
    neighbour.permit(BOUND)
    a.send(told(neighbour), b"marker")
    assert neighbour.receive()[1] == b"marker"
    b.permit("127.0.0.1")
    a.send_channel(0x4001, b"permitted")
    assert b.receive() == (private(a), b"permitted")


def test_permission_is_for_all_relayed_addresses(two, client):
    """A permission names an address, not a port: RFC 8656 section 9."""
    a, b = two()
    a.permit(TOLD)
    b.permit(TOLD)
    a.send(told(b), b"any port")
    assert b.receive() == (told(a), b"any port")


@places
def test_nobody_at_that_port(two, workers, same):
    """Ports of the range without an allocation, and of a dead one."""
    a, b = two(workers, same)
    a.permit(TOLD)
    b.permit(TOLD)
    a.bind_channel(0x4001, told(b))
    dead = told(b)
    b.refresh(0)
    a.send_channel(0x4001, b"to the dead")
    a.send(dead, b"to the dead")
    for port in range(61000, 61050):
        if port != told(a)[1]:
            a.send((TOLD, port), b"to nobody")
    b.answered_only()
    a.answered_only()


def test_to_oneself(two):
    """An allocation is a peer of its own like any other."""
    a, _ = two()
    a.bind_channel(0x4001, told(a))
    a.send_channel(0x4001, b"echo")
    assert a.receive() == (0x4001, b"echo")


@pytest.mark.parametrize("form", [private, told])
def test_never_the_kernel(two, peer, form):
    """A socket of another process with a port of the relay range, on the
    relay address, is not reached and does not reach."""
    a, b = two()
    other = None
    for port in range(61000, 65535):
        try:
            other = peer((BOUND, port))
            break
        except OSError:
            continue
    address = (form(a)[0], other.address[1])
    a.permit(address)
    b.permit(form(a))
    a.bind_channel(0x4001, address)
    a.send_channel(0x4001, b"out")
    a.send(address, b"out")
    a.send(form(b), b"marker")
    assert b.receive()[1] == b"marker"
    other.silence(0.1)


@pytest.mark.parametrize("ip", [BOUND, TOLD])
def test_only_ports_of_the_relay(two, ip):
    """ChannelBind elsewhere on a relay address: 403, also for the
    listener; CreatePermission, without a port, succeeds."""
    a, b = two()
    for port in (1, 22, 53, a.server[1], 60999):
        a.bind_channel(0x4001, (ip, port), expect=403)
        a.permit((ip, port))
    a.bind_channel(0x4001, (ip, 61000))
    a.bind_channel(0x4002, (ip, 65535))


def test_burst_across_workers_keeps_order(two):
    a, b = two(5, False)
    a.bind_channel(0x4001, told(b))
    b.bind_channel(0x4002, told(a))
    for turn in range(20):
        sent = [bytes([turn, n]) + os.urandom((n * 53 + turn) % 1300)
                for n in range(50)]
        for data in sent:
            a.send_channel(0x4001, data)
        assert [b.receive()[1] for _ in sent] == sent


def test_many_pairs_on_five_workers(daemon, client):
    """Every pair of workers, both ways at once."""
    server = daemon(workers=5, relay=RELAY, remove=("peers",))
    clients = []
    for worker in range(5):
        c = client(server, sock=socket_on(worker, 5))
        c.allocate()
        clients.append(c)
    for c in clients:
        c.permit(TOLD)
    for c in clients:
        for d in clients:
            c.send(d.relayed, b"%d" % c.relayed[1])
    for d in clients:
        got = sorted(d.receive() for _ in clients)
        assert got == sorted((c.relayed, b"%d" % c.relayed[1])
                             for c in clients)


def test_retransmitted_request_stays_on_its_worker(daemon, client):
    """The program in the kernel depends on the client's address alone."""
    server = daemon(workers=5)
    for worker in range(5):
        c = client(server, sock=socket_on(worker, 5))
        c.allocate()
        for _ in range(10):
            c.refresh()
        c.allocate(expect=437)
