"""SIGHUP: what is changed at once, what is not, and who does not notice."""

import contextlib
import os
import re
import signal
import socket
import threading
import time

import pytest

import stun
from daemon import free_port, render_file, until
from test_credentials import SECRET, file_user, minted, write_users
from turnclient import NoAnswer, TurnClient
from workers import socket_on

pytestmark = pytest.mark.turnpike

CHANNEL = 0x4000
ALICE = {"name": "alice", "password": "secret"}
BOB = {"name": "bob", "password": "builder"}
TRANSPORT = [stun.requested_transport()]


def reload(server, *, expect="reloaded", text=None, **changes):
    """Writes the file anew and asks for it; returns the log from there."""
    if text is None:
        server.config.update(changes)
        text = render_file({k: v for k, v in server.config.items()
                            if v is not None})
    with open(server.path, "w", encoding="utf-8") as out:
        out.write(text)
    since = len(server.log)
    server.signal(signal.SIGHUP)
    server.await_log(rf"\b{expect}", since=since)
    return server.log[since:]


class Flow:
    """A client that sends through a channel all the time, and counts."""

    def __init__(self, client, peer):
        self.client, self.peer = client, peer
        client.allocate()
        client.bind_channel(CHANNEL, peer.address)
        self.sent = self.received = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.is_set():
            self.client.send_channel(CHANNEL, b"%08d" % self.sent)
            self.sent += 1
            self.over.wait(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        while self.received < self.sent:
            assert self.peer.receive()[0] == b"%08d" % self.received
            self.received += 1


def on_each_worker(client, server, count, user, password):
    clients = [client(server, user, password, sock=socket_on(i, count))
               for i in range(count)]
    for c in clients:
        c.allocate()
    return clients


def expect_ended(server, since, count, reason, began):
    """All sessions of a user end within a second, and say why."""
    pattern = "session ended.*cause=revoked.*" + reason
    until(lambda: len(server.lines(pattern, since)) == count)
    assert time.monotonic() < began + 1, server.log[since:]

# Users.

@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("users, reason", [
    ([ALICE], "no source knows the user any more"),
    ([ALICE, {**BOB, "disabled": "on"}], "the user is disabled"),
    ([ALICE, {**BOB, "password": "other"}], "password or secret is not valid")],
    ids=["deleted", "disabled", "password"])
def test_a_user_goes(daemon, client, peer, users, reason, workers):
    server = daemon(users=[ALICE, BOB], workers=workers)
    clients = on_each_worker(client, server, workers, "bob", "builder")
    with Flow(client(server), peer()) as flow:
        began, since = time.monotonic(), len(server.log)
        reload(server, users=users)
        expect_ended(server, since, workers, reason, began)
        clients[0].refresh(expect=401)
    assert flow.received > 0
    flow.client.refresh()


def test_a_user_comes(daemon, client):
    server = daemon(users=[ALICE])
    client(server, "bob", "builder").allocate(expect=401)
    reload(server, users=[ALICE, BOB])
    client(server, "bob", "builder").allocate()
    client(server).allocate()


def test_the_users_file(daemon, client, folder):
    write_users(folder, file_user("carol"), file_user("dave"))
    server = daemon()
    carol, dave = client(server, "carol"), client(server, "dave")
    carol.allocate()
    dave.allocate()
    write_users(folder, file_user("dave"), file_user("erin"))
    reload(server)
    server.await_log("session ended.*user=carol.*cause=revoked")
    carol.refresh(expect=401)
    dave.refresh()
    client(server, "erin").allocate()
    # Without the file there is none of them.
    os.unlink(os.path.join(folder.state, "users"))
    reload(server)
    server.await_log("session ended.*user=dave.*cause=revoked")

# Secrets.

def test_secrets_are_rotated(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}])
    old = client(server, *minted())
    old.allocate()
    reload(server, secrets=[{"secret": "canary-south"}])
    old.refresh()
    client(server, *minted("canary-south")).allocate()
    client(server, *minted(name="bob")).allocate(expect=401)
    reload(server, secrets=None)
    old.refresh()
    client(server, *minted("canary-south")).allocate(expect=401)
    assert "canary" not in "\n".join(server.log)


@pytest.mark.parametrize("later", [None, [{"secret": "canary-south"}]],
                         ids=["none", "another"])
def test_sessions_end_with_their_secret(daemon, client, later):
    server = daemon(secrets=[{"secret": SECRET}],
                    time_limited={"end_withdrawn": "on"})
    since, old = len(server.log), client(server, *minted())
    old.allocate()
    reload(server)
    old.refresh()
    reload(server, secrets=later)
    server.await_log("session ended.*cause=revoked", since=since)

# Limits, rules, the rest.

def test_limits_hold_for_what_comes(daemon, client):
    server = daemon()
    running = [client(server) for _ in range(3)]
    for c in running:
        c.allocate()
    reload(server, limits={"allocations_per_user": 1})
    for c in running:
        c.refresh()
    client(server).allocate(expect=486)
    reload(server, limits={"allocations_per_user": 4})
    client(server).allocate()
    client(server).allocate(expect=486)


def test_a_rule_stops_a_running_flow(daemon, client, peer):
    far = peer(("127.0.0.2", 0))
    server = daemon()
    c = client(server)
    c.allocate()
    c.bind_channel(CHANNEL, far.address)
    c.send_channel(CHANNEL, b"one")
    assert far.receive()[0] == b"one"
    reload(server, peers={})
    c.send_channel(CHANNEL, b"two")
    c.answered_only()
    c.permit("127.0.0.2", expect=403)
    reload(server, peers={"allow": ["127.0.0.0/8"]})
    c.send_channel(CHANNEL, b"three")
    assert far.receive()[0] == b"three"
    far.send(server.address[:1] + (c.relayed[1],), b"back")
    assert c.receive() == (CHANNEL, b"back")


def test_the_level_of_the_log(daemon, client):
    server = daemon(log={"level": "notice"})
    client(server).allocate()
    reload(server, log={"level": "info"})
    assert not server.lines("session began|allocated")
    c = client(server)
    c.allocate()
    c.refresh(0)
    server.await_log("session ended")


def test_nonces_outlive_their_key(daemon, client):
    server = daemon(nonce={"key": os.urandom(32).hex(), "lifetime": "3s"})
    old, lost = client(server), client(server)
    challenge = old.get_challenge()
    lost.get_challenge()
    began = time.monotonic()
    reload(server, nonce={"key": os.urandom(32).hex(), "lifetime": "3s"})
    assert old.exchange(old.build(stun.ALLOCATE, TRANSPORT)).error is None
    assert old.challenge == challenge
    # Twice in a row: the first of them is no key any more.
    reload(server, nonce={"key": os.urandom(32).hex(), "lifetime": "3s"})
    assert time.monotonic() < began + 2
    assert lost.exchange(lost.build(stun.ALLOCATE, TRANSPORT)).error == 438
    client(server).allocate()

# What is refused.

@pytest.mark.parametrize("text, line", [
    ("realm = ;", 1), ('realm = "example.org";\nlimits = { wings = 2; };', 2)],
    ids=["syntax", "option"])
def test_a_broken_file(daemon, client, text, line):
    server = daemon()
    running = client(server)
    running.allocate()
    log = reload(server, text=text, expect="reload refused")
    assert any(server.path in m and f"line={line}" in m for m in log), log
    running.refresh()
    client(server).allocate()
    assert not server.lines("reloaded")
    reload(server)


def test_no_file(daemon, client):
    server = daemon()
    os.unlink(server.path)
    server.signal(signal.SIGHUP)
    server.await_log("reload refused")
    client(server).allocate()


def test_realms_stay(daemon, client):
    server = daemon()
    log = reload(server, realm="other.example", users=[ALICE, BOB],
                 expect="reload refused")
    assert "realm" in "\n".join(log)
    client(server).allocate()
    client(server, "bob", "builder").allocate(expect=401)


def test_what_needs_a_restart(daemon, client):
    server = daemon()
    before = dict(server.config)
    changed = {
        "relay": {"address": "127.0.0.1", "ports": [61000, 62000]},
        "workers": 1,
        "redis": {"endpoints": ["127.0.0.1:9"], "password": "canary-redis"},
    }
    named = {"relay.ports", "workers", "redis.endpoints", "redis.password"}

    def options(log):
        return {line.partition("option=")[2].split()[0] for line in log
                if "needs a restart" in line}

    assert options(reload(server, users=[ALICE, BOB], **changed)) == named
    client(server, "bob", "builder").allocate()
    # It is what runs that counts, not what the last reload said.
    assert options(reload(server)) == named
    back = {k: before.get(k) for k in changed}
    assert not options(reload(server, **back))
    assert "canary" not in "\n".join(server.log)


def test_another_password_of_redis(daemon, folder):
    """A secret is compared, and never shown."""
    file = folder.write("redis-password", "canary-one")
    redis = {"endpoints": ["127.0.0.1:9"], "password_file": file}
    server = daemon(redis=redis)
    assert not [m for m in reload(server) if "needs a restart" in m]
    folder.write("redis-password", "canary-two")
    assert any("redis.password_file" in m for m in reload(server))
    assert "canary" not in "\n".join(server.log)

# Listeners.

def listener(port, **more):
    return {"transport": "udp", "address": "127.0.0.1", "port": port, **more}


def is_bound(port, ip="127.0.0.1", make=None):
    with make() if make else socket.socket(socket.AF_INET,
                                           socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, port))
            return False
        except OSError:
            return True


def is_served(client, port):
    try:
        client(("127.0.0.1", port)).exchange(stun.encode(stun.BINDING),
                                             patience_s=0.3)
        return True
    except NoAnswer:
        return False


def flows_on(client, peer, address, workers):
    return [Flow(client(address, sock=socket_on(i, workers)), peer())
            for i in range(workers)]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_listeners_come_and_go_under_load(daemon, client, peer, workers):
    server = daemon(workers=workers)
    first, second = server.address[1], free_port()
    old = flows_on(client, peer, server.address, workers)
    with contextlib.ExitStack() as load:
        for flow in old:
            load.enter_context(flow)
        reload(server, listen=[listener(first), listener(second)])
        new = flows_on(client, peer, ("127.0.0.1", second), workers)
        for flow in new:
            load.enter_context(flow)
        reload(server, listen=[listener(second)])
        sent = min(f.sent for f in old)
        until(lambda: min(f.sent for f in old) > sent + 20)
        assert not is_served(client, first)
        with pytest.raises(NoAnswer):
            client(server).exchange(stun.encode(stun.ALLOCATE),
                                    patience_s=0.3)
    for flow in old + new:
        assert flow.received == flow.sent > 20
    # All that a session does goes on, and at last the listener is closed.
    far = peer()
    for flow in old:
        flow.client.permit("127.0.0.1")
        flow.client.bind_channel(CHANNEL + 1, far.address)
        flow.client.refresh()
    for flow in old:
        assert is_bound(first)
        flow.client.refresh(0)
    until(lambda: not is_bound(first))
    for flow in new:
        flow.client.refresh()


def test_a_listener_that_lingers_is_wanted_again(daemon, client):
    server = daemon()
    first, second = server.address[1], free_port()
    running = client(server)
    running.allocate()
    before = server.descriptors()
    reload(server, listen=[listener(first), listener(second)])
    reload(server, listen=[listener(second)])
    assert not is_served(client, first)
    reload(server, listen=[listener(first), listener(second)])
    client(server).allocate()
    running.refresh()
    # Two sockets of the other listener, one of the other session.
    until(lambda: server.descriptors() in (0, before + 3))


def test_a_session_keeps_its_realm(daemon, client):
    """Though its listener is another realm's from now on."""
    server = daemon(users=[ALICE, {**BOB, "realm": "other.example"}])
    port = server.address[1]
    running = client(server)
    running.allocate()
    reload(server, listen=[listener(port, realm="other.example")])
    running.refresh()
    client(server, "bob", "builder").allocate()
    client(server).allocate(expect=401)
    running.refresh(0)


def test_a_port_is_taken(daemon, client):
    """What could be opened is closed again: all of it or nothing."""
    server = daemon(users=[ALICE])
    first, second = server.address[1], free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        log = reload(server, expect="reload refused", users=[ALICE, BOB],
                     listen=[listener(second), listener(port)])
        said = "\n".join(log)
        assert f"127.0.0.1:{port}: Address already in use" in said
        assert re.search(r"line=[1-9]", said) and server.path in said
        assert not is_bound(second)
        client(server).allocate()
        client(server, "bob", "builder").allocate(expect=401)
        assert not server.lines("reloaded")
    reload(server)
    assert is_served(client, port) and is_served(client, second)


@pytest.mark.root
def test_a_port_that_needs_privilege(daemon, namespaces):
    """Given up after the start; the one that is bound already stays."""
    (ns,) = namespaces("server")
    server = daemon(netns=ns, port=1000)
    config = [listener(1000), listener(999)]
    log = reload(server, listen=config, expect="reload refused")
    said = "\n".join(log)
    assert "127.0.0.1:999" in said and "below 1024" in said
    reload(server, listen=config[:1], users=[ALICE, BOB])
    with TurnClient(server.address, "bob", "builder",
                    sock=ns.bound("127.0.0.1")) as c:
        c.allocate()

# The advertised address.

def test_another_address_is_advertised(daemon, client):
    relay = {"address": "127.0.0.1", "ports": [61000, 65535]}
    server = daemon(relay={**relay, "advertise": "8.8.8.8"})
    old = client(server)
    old.allocate()
    since = len(server.log)
    reload(server, relay={**relay, "advertise": "9.9.9.9"})
    server.await_log("another relay address.*8.8.8.8.*9.9.9.9", since=since)
    new = client(server)
    new.allocate()
    assert (old.relayed[0], new.relayed[0]) == ("8.8.8.8", "9.9.9.9")
    # Each reaches the other under the address that it was told.
    old.permit("9.9.9.9")
    new.permit("8.8.8.8")
    old.send(new.relayed, b"to the new")
    assert new.receive() == (old.relayed, b"to the new")
    new.send(old.relayed, b"to the old")
    assert old.receive() == (new.relayed, b"to the old")
    old.refresh(0)
    server.await_log("session ended.*relayed=8.8.8.8", since=since)
    assert not [m for m in reload(server) if "needs a restart" in m]

# Under traffic.

def test_twenty_reloads_lose_nothing(daemon, client, peer):
    server = daemon(users=[ALICE, BOB], secrets=[{"secret": SECRET}])
    flows = [Flow(client(server, sock=socket_on(i, 2)), peer())
             for i in (0, 1)]
    descriptors, tasks = server.descriptors(), len(server.tasks())
    with flows[0], flows[1]:
        for i in range(20):
            reload(server, users=[ALICE] + [BOB] * (i % 2),
                   nonce={"key": os.urandom(32).hex()},
                   peers={"allow": ["127.0.0.0/8"],
                          "deny": ["203.0.113.0/24"] * (i % 3)})
            sent = min(f.sent for f in flows)
            until(lambda: min(f.sent for f in flows) > sent + 5)
    assert all(f.received == f.sent > 100 for f in flows)
    for f in flows:
        f.client.refresh()
    until(lambda: server.descriptors() <= descriptors)
    assert len(server.tasks()) == tasks


def test_a_service_manager_that_does_not_read(daemon, client):
    """It is told what it takes, and nothing waits for it."""
    server = daemon(users=[ALICE])
    for _ in range(40):
        client(server).allocate()  # so that there is another status to tell
        reload(server)
    server.stop()
