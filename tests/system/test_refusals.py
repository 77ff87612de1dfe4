"""What the log says of those who were refused, each cause in plain words;
on the wire the answer stays bare."""

import base64
import hashlib
import hmac
import re
import time

import pytest

import stun

pytestmark = pytest.mark.turnpike

SECRET = "canary-north"


def dated(expires, name):
    """A time-limited user name and its password."""
    user = f"{expires}:{name}"
    mac = hmac.new(SECRET.encode(), user.encode(), hashlib.sha1).digest()
    return user, base64.b64encode(mac).decode()


def told(server, message, c, user, reason, option=None):
    """Ends the server; there is exactly one such line, and it says this."""
    server.stop()
    lines = server.lines(re.escape(message))
    assert len(lines) == 1, server.log
    line = lines[0]
    expected = [f"{message} client={c.address[0]}:{c.address[1]} ",
                f"user={user} ", "realm=example.org ",
                f'reason="{reason}"' if " " in reason else f"reason={reason}"]
    if option:
        expected.append(f"option={option}")
    for part in expected:
        assert part in line + " ", (part, line)
    return line


@pytest.mark.parametrize("user,reason", [
    ("alice", "wrong password"), ("mallory", "unknown user"),
    ("carol", "disabled")])
def test_authentication(daemon, client, user, reason):
    server = daemon(users=[
        {"name": "alice", "password": "secret"},
        {"name": "carol", "password": "secret", "disabled": "on"}])
    c = client(server, user, "secret" if user == "carol" else "guess",
               use_hash=False)
    answer = c.allocate(expect=401)
    assert not answer.get(stun.ERROR_CODE)[4:], "a reason on the wire"
    told(server, "authentication refused", c, user, reason)


def test_a_hash_of_nobody(daemon, client):
    """Of whom there is only a hash, there is no name to tell."""
    server = daemon()
    c = client(server, "mallory", use_hash=True)
    c.allocate(expect=401)
    server.stop()
    line, = server.lines("authentication refused")
    assert "user=" not in line and 'reason="unknown user"' in line


def test_expired(daemon, client):
    """... and since when: the time in the name, and the skew allowed."""
    at = int(time.time()) - 3600
    server = daemon(secrets=[{"secret": SECRET}],
                    time_limited={"skew": "60s"})
    user, password = dated(at, "alice")
    c = client(server, user, password)
    c.allocate(expect=401)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at + 60))
    line = told(server, "authentication refused", c, user,
                "expired at " + when)
    assert SECRET not in line and password not in line


def test_throttled(daemon, client):
    """Beyond ten wrong ones there is no answer, and one line says so."""
    server = daemon()
    c = client(server, password="guess", use_hash=False)
    for _ in range(10):
        c.allocate(expect=401)
    for _ in range(3):
        c.raw(c.build(stun.ALLOCATE, [stun.requested_transport()]))
    c.answered_only()
    told(server, "requests throttled", c, "alice", "throttled")


def test_user_quota(daemon, client):
    server = daemon(limits={"allocations_per_user": 2})
    held = [client(server) for _ in range(2)]
    for c in held:
        c.allocate()
    c, again = client(server), client(server)
    c.allocate(expect=486)
    again.allocate(expect=486)
    told(server, "a user's quota is reached", c, "alice",
         "user quota, 2 of 2", "limits.allocations_per_user")


def test_source_quota(daemon, client):
    server = daemon(limits={"allocations_per_source": 1})
    client(server).allocate()
    c = client(server)
    c.allocate(expect=486)
    told(server, "an address's quota is reached", c, "alice",
         "source quota, 1 of 1", "limits.allocations_per_source")


def test_total(daemon, client):
    server = daemon(limits={"allocations": 1})
    client(server).allocate()
    c = client(server)
    c.allocate(expect=508)
    told(server, "the limit of allocations is reached", c, "alice",
         "total, 1 of 1", "limits.allocations")


@pytest.mark.parametrize("ip,rule", [
    ("10.0.0.5", "private (RFC 1918)"), ("169.254.169.254", "link-local"),
    ("203.0.114.7", "deny 203.0.114.0/24")])
def test_peer(daemon, client, ip, rule):
    """By which rule, in words."""
    server = daemon(peers={"deny": ["203.0.114.0/24"]},
                    log={"level": "info"})
    c = client(server)
    c.allocate()
    answer = c.permit(ip, expect=403)
    assert not answer.get(stun.ERROR_CODE)[4:], "a reason on the wire"
    told(server, "a peer is denied", c, "alice",
         f"peer denied {ip}: {rule}", "peers.allow")


def test_own_socket(daemon, client):
    server = daemon(log={"level": "info"})
    c = client(server)
    c.allocate()
    c.bind_channel(0x4000, server.address, expect=403)
    told(server, "a peer is denied", c, "alice",
         f"peer denied {server.address[0]}:{server.address[1]}: own socket",
         "peers.allow")


def test_records_of_an_allocation(daemon, client):
    server = daemon(limits={"permissions": 2, "channels": 1})
    c = client(server)
    c.allocate()
    c.bind_channel(0x4000, ("127.0.0.1", 9))
    c.bind_channel(0x4001, ("127.0.0.1", 10), expect=508)
    c.permit("127.0.0.2", "127.0.0.3", expect=508)
    told(server, "too many channels", c, "alice", "channels, 1 of 1",
         "limits.channels")
    told(server, "too many permissions", c, "alice", "permissions, 2 of 2",
         "limits.permissions")
