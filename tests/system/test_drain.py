"""Drains: nobody new, who is there goes on, and an end in time."""

import re
import signal
import time

import pytest

import stun

pytestmark = pytest.mark.turnpike

CHANNEL = 0x4000
DEADLINE = {"deadline": "2s"}
LONG = {"deadline": "1h"}
BOB = {"name": "bob", "password": "builder"}


def status_lines(server):
    return [line for message in server.notified
            for line in message.splitlines() if line.startswith("STATUS=")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_with_nobody_there_it_ends_at_once(daemon, client, number, workers):
    server = daemon(drain=LONG, workers=workers)
    c = client(server)
    c.allocate()
    c.refresh(0)
    began = time.monotonic()
    server.signal(number)
    assert server.wait(10) == 0
    assert time.monotonic() < began + 3
    server.await_log("stopping.*no allocation")


def test_who_is_there_goes_on(daemon, client, peer):
    """Nobody new; data, Refresh and the rest go on; the last one to go ends
    it, long before the deadline."""
    server = daemon(drain=LONG, users=[{"name": "alice", "password": "secret"},
                                       BOB])
    there, gone = client(server), client(server)
    there.allocate()
    gone.allocate()
    gone.refresh(0)
    far = peer()
    server.signal(signal.SIGTERM)
    server.await_log("draining.*by=SIGTERM.*allocations=1 deadline_s=3600")
    client(server).allocate(expect=508)
    client(server, "bob", "builder").allocate(expect=508)
    gone.allocate(expect=508)
    client(server).exchange(stun.encode(stun.BINDING))
    there.refresh()
    there.permit("127.0.0.1")
    there.bind_channel(CHANNEL, far.address)
    there.send_channel(CHANNEL, b"still here")
    assert far.receive()[0] == b"still here"
    far.send(there.relayed, b"so am I")
    assert there.receive() == (CHANNEL, b"so am I")
    began = time.monotonic()
    there.refresh(0)
    assert server.wait(10) == 0
    assert time.monotonic() < began + 3
    assert "refresh-0" in server.lines("session ended")[-1]


def test_at_the_deadline_all_end(daemon, client):
    server = daemon(drain=DEADLINE)
    clients = [client(server) for _ in range(3)]
    for c in clients:
        c.allocate()
    began = time.monotonic()
    server.signal(signal.SIGTERM)
    assert server.wait(10) == 0
    assert 2 <= time.monotonic() - began < 6
    ended = server.lines("session ended")
    assert len(ended) == 3
    assert all("cause=drained" in line for line in ended)


def test_progress_is_told(daemon, client):
    server = daemon(drain=DEADLINE)
    client(server).allocate()
    since = len(server.notified)
    server.signal(signal.SIGTERM)
    server.await_notify("STOPPING=1", since=since)
    server.wait(10)
    said = [m for m in server.notified[since:] if "EXTEND_TIMEOUT_USEC" in m]
    assert int(re.search(r"USEC=(\d+)", said[0])[1]) >= 2_000_000
    told = status_lines(server)
    assert "STATUS=draining: 1 allocations, 2 s left" in told
    assert "STATUS=draining: 1 allocations, 1 s left" in told


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_now(daemon, client, second):
    server = daemon(drain=LONG)
    client(server).allocate()
    server.signal(signal.SIGTERM)
    server.await_log("draining")
    began = time.monotonic()
    server.signal(second)
    assert server.wait(10) == 0
    assert time.monotonic() < began + 3
    assert "cause=shutdown" in server.lines("session ended")[0]


def test_a_reload_does_not_end_it(daemon, client):
    server = daemon(drain=LONG)
    there = client(server)
    there.allocate()
    server.signal(signal.SIGTERM)
    server.await_log("draining")
    server.signal(signal.SIGHUP)
    server.await_log("reloaded")
    client(server).allocate(expect=508)
    there.refresh()
    there.refresh(0)
    assert server.wait(10) == 0


def test_the_watchdog_is_fed_meanwhile(daemon, client):
    server = daemon(drain=LONG, env={"WATCHDOG_USEC": "3000000"})
    client(server).allocate()
    server.signal(signal.SIGTERM)
    server.await_log("draining")
    server.await_notify("WATCHDOG=1", since=len(server.notified))
    server.await_notify("WATCHDOG=1", since=len(server.notified))
    server.signal(signal.SIGTERM)
    assert server.wait(10) == 0

