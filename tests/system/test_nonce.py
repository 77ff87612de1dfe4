"""Nonces over time, restarts and fleets (decisions: a browser gives up on a
438 to its Allocate)."""

import os
import stat
import time

import pytest

import stun
from daemon import Folder, free_port

pytestmark = pytest.mark.turnpike

KEY = os.urandom(32).hex()
TRANSPORT = [stun.requested_transport()]


def allocate_with(c, nonce_of):
    """The code of an Allocate with a nonce that is at hand already."""
    c.learn(nonce_of)
    return c.exchange(c.build(stun.ALLOCATE, TRANSPORT)).error


def test_form(daemon, client):
    c = client(daemon())
    c.get_challenge()
    assert c.nonce.startswith(b"obMatJos2")
    assert len(c.nonce) <= 28
    assert all(0x20 < byte < 0x7F and byte not in b'"\\' for byte in c.nonce)


def test_differs_between_clients(daemon, client):
    server = daemon()
    nonces = set()
    for _ in range(20):
        c = client(server)
        c.get_challenge()
        nonces.add(c.nonce)
    assert len(nonces) == 20


def test_survives_a_restart(daemon, client):
    """Without nonce.key the daemon keeps a random one in state_dir."""
    port = free_port()
    first = daemon(port=port)
    c = client(first)
    challenge = c.get_challenge()
    first.stop()
    daemon(port=port)
    assert allocate_with(c, challenge) is None


def test_kept_key_is_secret(daemon, folder):
    daemon().stop()
    path = os.path.join(folder.state, "nonce.key")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    size = os.stat(path).st_size
    daemon().stop()
    assert os.stat(path).st_size == size
    assert os.listdir(folder.state) == ["nonce.key"]


def test_another_state_is_another_key(daemon, client):
    port = free_port()
    first = daemon(port=port)
    c = client(first)
    challenge = c.get_challenge()
    first.stop()
    other = Folder()
    try:
        daemon(port=port, files=other).stop()
        second = daemon(port=port, files=other)
        assert allocate_with(c, challenge) == 438
        second.stop()
    finally:
        other.remove()


def test_fleet_shares_a_key(daemon, client):
    """The nonce is for the client and the realm, not for the server."""
    nonce = {"key": KEY}
    a = daemon(nonce=nonce)
    b = daemon(nonce=nonce)
    c = client(a)
    challenge = c.get_challenge()
    c.server = b.address
    assert allocate_with(c, challenge) is None
    c.refresh(0)


def test_other_key_is_stale(daemon, client):
    a = daemon(nonce={"key": KEY})
    b = daemon(nonce={"key": os.urandom(32).hex()})
    c = client(a)
    challenge = c.get_challenge()
    c.server = b.address
    assert allocate_with(c, challenge) == 438


def test_key_of_the_file_leaves_no_state(daemon, folder):
    daemon(nonce={"key": KEY}).stop()
    assert os.listdir(folder.state) == []


def test_expires(daemon, client):
    """438, not 401, and the new one works; the allocation lives on."""
    c = client(daemon(nonce={"lifetime": "1s"}))
    c.allocate()
    deadline = time.monotonic() + 10
    while (answer := c.request(stun.REFRESH, retry=False)).error is None:
        assert time.monotonic() < deadline, "the nonce does not expire"
        time.sleep(0.1)
    assert answer.error == 438
    assert answer.get(stun.NONCE) != c.nonce
    c.learn(answer)
    c.refresh(0, retry=False)


def test_of_another_realm(daemon, client):
    """Two listeners of one server, two realms."""
    port = free_port()
    server = daemon(port=port, listen=[
        {"address": "127.0.0.1", "port": port},
        {"address": "127.0.0.2", "port": port, "realm": "second.example"}],
        users=[{"name": "alice", "password": "secret"},
               {"name": "alice", "password": "secret",
                "realm": "second.example"}])
    c = client(server, bind=("127.0.0.1", 0))
    challenge = c.get_challenge()
    c.server = "127.0.0.2", port
    c.realm = "second.example"
    assert allocate_with(c, challenge) == 438


@pytest.mark.parametrize("change", [
    lambda n: b"x", lambda n: n[:-1], lambda n: n + b"A",
    lambda n: b"obMatJos2", lambda n: b"obMatJos2" + b"!" * 19,
    lambda n: n.swapcase(), lambda n: b"\0" * 28, lambda n: b"z" * 763])
def test_strange_nonces_are_stale(daemon, client, change):
    c = client(daemon(), legacy=True)
    c.get_challenge()
    c.nonce = change(c.nonce)
    answer = c.exchange(c.build(stun.ALLOCATE, TRANSPORT))
    assert answer.error in (438, 400)
    assert answer.error == 438 or len(c.nonce) > 500
