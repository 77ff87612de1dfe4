"""Quotas, the port range, descriptors: refused when full, whole again when
free (486 and 508)."""

import pytest

import stun
from daemon import free_range, unprivileged, until

pytestmark = pytest.mark.turnpike

TWO_USERS = [{"name": "alice", "password": "secret"},
             {"name": "bob", "password": "builder"}]


def allocate_all(client, server, most=64):
    """Clients until one is refused: (those allocated, the refusal)."""
    held = []
    for _ in range(most):
        c = client(server)
        answer = c.allocate(expect="any")
        if answer.error:
            return held, answer
        held.append(c)
    raise AssertionError(f"{most} allocations and no refusal")


@pytest.mark.parametrize("workers", [1, 5])
def test_allocations_per_user(daemon, client, workers):
    server = daemon(users=TWO_USERS, workers=workers,
                    limits={"allocations_per_user": 3})
    for _ in range(2):
        held, refusal = allocate_all(client, server)
        assert len(held) == 3 and refusal.error == 486
        client(server, "bob", "builder").allocate()
        held[0].refresh(0)
        again = client(server)
        again.allocate()
        client(server).allocate(expect=486)
        for c in (again, *held[1:]):
            c.refresh(0)


def test_a_users_own_limit(daemon, client):
    server = daemon(limits={"allocations_per_user": 3}, users=[
        {"name": "alice", "password": "secret", "allocations": 1},
        {"name": "bob", "password": "builder"}])
    client(server).allocate()
    client(server).allocate(expect=486)
    for _ in range(3):
        client(server, "bob", "builder").allocate()
    client(server, "bob", "builder").allocate(expect=486)


def test_no_limit_for_static_users(daemon, client):
    """An ACS deployment shares one user."""
    server = daemon()
    for _ in range(100):
        client(server).allocate()


@pytest.mark.parametrize("workers", [1, 5])
def test_total(daemon, client, workers):
    server = daemon(users=TWO_USERS, workers=workers,
                    limits={"allocations": 4})
    held, refusal = allocate_all(client, server)
    assert len(held) == 4 and refusal.error == 508
    client(server, "bob", "builder").allocate(expect=508)
    held[2].refresh(0)
    client(server, "bob", "builder").allocate()
    client(server).allocate(expect=508)
    held[0].refresh()


def test_reservation_is_charged(daemon, client):
    """To the reserving user, and given back."""
    server = daemon(limits={"allocations_per_user": 2})
    c = client(server)
    token = c.allocate(stun.even_port(True)).get(stun.RESERVATION_TOKEN)
    client(server).allocate(expect=486)
    second = client(server)
    second.allocate((stun.RESERVATION_TOKEN, token))
    client(server).allocate(expect=486)
    second.refresh(0)
    client(server).allocate()
    client(server).allocate(expect=486)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_full_range(daemon, client, workers):
    """508 means that the whole range is in use, whatever the worker; every
    port comes back."""
    first = free_range(8)
    ports = set(range(first, first + 8))
    server = daemon(workers=workers,
                    relay={"address": "127.0.0.1",
                           "ports": [first, first + 7]})
    client(server).exchange(stun.encode(stun.BINDING))
    descriptors = server.descriptors()
    for _ in range(4):
        held, refusal = allocate_all(client, server)
        assert refusal.error == 508
        assert {c.relayed[1] for c in held} == ports
        held[3].refresh(0)
        again = client(server)
        again.allocate()
        assert again.relayed == held[3].relayed
        held[3] = again
        for c in held:
            c.refresh(0)
        until(lambda: server.descriptors() <= descriptors)


def test_even_ports_do_not_leak(daemon, client):
    """coturn 4adbd82e: R=0 lost a port each time."""
    first = free_range(8)
    server = daemon(relay={"address": "127.0.0.1",
                           "ports": [first, first + 7]})
    for _ in range(30):
        c = client(server)
        c.allocate(stun.even_port(False))
        c.refresh(0)
    held, _ = allocate_all(client, server)
    assert len(held) == 8


def test_pairs_fill_the_range(daemon, client):
    """Reserved ports are neither given to others nor lost."""
    first = free_range(8)
    server = daemon(relay={"address": "127.0.0.1",
                           "ports": [first, first + 7]})
    tokens = []
    for _ in range(4):
        answer = client(server).allocate(stun.even_port(True))
        tokens.append(answer.get(stun.RESERVATION_TOKEN))
    client(server).allocate(expect=508)
    client(server).allocate(stun.even_port(True), expect=508)
    for token in tokens:
        client(server).allocate((stun.RESERVATION_TOKEN, token))
    client(server).allocate(expect=508)


def test_no_even_port_left(daemon, client):
    first = free_range(2)
    server = daemon(relay={"address": "127.0.0.1",
                           "ports": [first, first + 1]})
    c = client(server)
    c.allocate(stun.even_port(False))
    client(server).allocate(stun.even_port(False), expect=508)
    client(server).allocate(stun.even_port(True), expect=508)
    client(server).allocate()
    c.refresh(0)
    client(server).allocate(stun.even_port(True), expect=508)


def test_taken_ports_are_passed_over(daemon, client, peer):
    """Somebody else's socket in the range costs another try."""
    first = free_range(16)
    peers = [peer(("127.0.0.1", first + n)) for n in range(0, 16, 2)]
    server = daemon(relay={"address": "127.0.0.1",
                           "ports": [first, first + 15]})
    taken = {p.address[1] for p in peers}
    for _ in range(4):
        c = client(server)
        c.allocate()
        assert c.relayed[1] not in taken


def test_out_of_descriptors(daemon, client, folder):
    """Load is shed with 508 and said once; all is well afterwards."""
    server = daemon(prefix=["prlimit", "--nofile=64:64",
                            *unprivileged(folder)])
    held, refusal = allocate_all(client, server)
    assert refusal.error == 508 and len(held) > 10
    for _ in range(20):
        client(server).allocate(expect=508)
    held[0].exchange(stun.encode(stun.BINDING))
    held[0].refresh()
    for c in held:
        c.refresh(0)
    again, refusal = allocate_all(client, server)
    assert refusal.error == 508 and len(again) == len(held)
    server.stop()
    # What the start says of the limit is another matter.
    said = server.lines(r"(?i)descriptor|open files|EMFILE")
    said = [line for line in said if "for all allocations" not in line]
    assert len(said) == 1, server.log


def test_allocate_and_vanish(daemon, client):
    """Nothing grows with what has come and gone."""
    server = daemon()
    client(server).exchange(stun.encode(stun.BINDING))
    descriptors = server.descriptors()

    def churn(count):
        for _ in range(count):
            c = client(server)
            c.allocate()
            c.permit("127.0.0.1")
            c.bind_channel(0x4000, ("127.0.0.1", 9))
            c.refresh(0)
            c.close()

    # Until each page of the tables was touched once, whatever the port.
    churn(400)
    rss = server.rss_kb()
    churn(600)
    until(lambda: server.descriptors() <= descriptors)
    assert server.rss_kb() <= rss + 64
