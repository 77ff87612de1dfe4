"""What the log says, and what it never says."""

import fcntl
import json
import os
import re
import threading

import pytest

import stun
from daemon import ROOT
from turnclient import TurnClient
from workers import socket_on

pytestmark = pytest.mark.turnpike

F_SETPIPE_SZ = 1031


def session_lines(server, c):
    """The lines that name this client's relayed port."""
    port = c.relayed[1]
    return [line for line in server.log
            if re.search(rf"127\.0\.0\.1:{port}\b", line)]


def test_a_session_is_two_lines(daemon, client, peer):
    server, p = daemon(), peer()
    c = client(server)
    c.allocate()
    c.permit("127.0.0.1")
    c.bind_channel(0x4000, p.address)
    for size in (100, 200, 37):
        c.send_channel(0x4000, bytes(size))
        p.receive()
    for size in (1000, 24):
        p.send(c.relayed, bytes(size))
        c.receive()
    c.refresh()
    c.refresh(0)
    server.stop()
    begin, end = session_lines(server, c)
    ip, port = c.address
    for line in (begin, end):
        assert f"{ip}:{port}" in line
        assert "alice" in line and "example.org" in line
    assert "refresh-0" in end and re.search(r"duration\w*=\d", end)
    # Bytes and packets of payload, each way.
    for number in (337, 3, 1024, 2):
        assert re.search(rf"[= ]{number}\b", end), end


def test_shutdown_ends_sessions_in_the_log(daemon, client):
    server = daemon()
    c = client(server)
    c.allocate()
    server.stop()
    begin, end = session_lines(server, c)
    assert "shutdown" in end


def test_data_is_not_logged(daemon, client, peer):
    """Nothing per packet, also at debug level."""
    server, p = daemon(log={"level": "debug"}), peer()
    c = client(server)
    c.allocate()
    c.bind_channel(0x4000, p.address)
    c.refresh()
    before = len(server.log)
    for _ in range(500):
        c.send_channel(0x4000, b"payload-canary")
        assert p.receive()[0] == b"payload-canary"
    c.refresh(0)
    server.stop()
    assert len(server.log) - before <= 10
    assert "payload-canary" not in "\n".join(server.log)


def test_idle_logs_nothing(daemon, client):
    """Binding requests and strangers without a credential are no news."""
    server = daemon()
    server.await_log(".")
    begin = len(server.log)
    for _ in range(50):
        c = client(server)
        c.exchange(stun.encode(stun.BINDING))
        c.get_challenge()
        c.raw(b"nonsense")
    c.answered_only()
    marker = client(server)
    marker.allocate()
    server.await_log(rf"127\.0\.0\.1:{marker.relayed[1]}\b")
    assert len(server.log) - begin == 1, server.log[begin:]


def refuse(server, client, ip, user, worker, workers):
    """Five refused attempts of a client on that worker; its address."""
    c = client(server, user, "canary-guess",
               sock=socket_on(worker, workers, ip))
    for _ in range(5):
        c.allocate(expect=401)
    return "%s:%d" % c.address


@pytest.mark.parametrize("workers", [1, 2])
def test_refused_authentication(daemon, client, workers):
    """One line per source and interval, whichever worker it was, with the
    client's address, for fail2ban; never the password."""
    server = daemon(workers=workers)
    first = refuse(server, client, "127.0.0.5", "alice", 0, workers)
    refuse(server, client, "127.0.0.5", "alice", workers - 1, workers)
    refuse(server, client, "127.0.0.5", "mallory", 0, workers)
    other = refuse(server, client, "127.0.0.6", "mallory", 0, workers)
    server.stop()
    refused = server.lines("(?i)refused")
    assert len(refused) == 2, refused
    assert first in refused[0] and other in refused[1]
    assert "canary" not in "\n".join(server.log)


def test_fail2ban_filter_reads_refusals(daemon, client):
    """The shipped filter finds the address in the line, and only there."""
    with open(os.path.join(ROOT, "etc/fail2ban/turnpiked.conf")) as f:
        text = f.read()
    expression = re.search("^failregex = (.*)$", text, re.M).group(1)
    expression = re.compile(expression.replace("<HOST>", r"(?P<host>\S+?)"))
    server = daemon()
    refuse(server, client, "127.0.0.5", "alice", 0, 1)
    client(server).allocate()
    server.stop()
    found = [m.group("host") for m in map(expression.match, server.log) if m]
    assert found == ["127.0.0.5"]


def test_refusals_without_our_nonce_are_not_logged(daemon, client):
    """A spoofed source must get nobody banned."""
    server = daemon()
    c = client(server, password="wrong")
    c.get_challenge()
    c.nonce = c.nonce[:-1] + (b"B" if c.nonce.endswith(b"A") else b"A")
    c.allocate(expect=401, retry=False)
    server.stop()
    assert not server.lines("(?i)refused")


def test_new_peers_are_logged_where_wanted(daemon, client):
    server = daemon(log={"peers": "on"})
    c = client(server)
    c.allocate()
    for _ in range(2):
        c.permit("127.0.0.1", "127.0.0.2")
    c.bind_channel(0x4000, ("127.0.0.3", 7000))
    c.bind_channel(0x4000, ("127.0.0.3", 7000))
    server.stop()
    assert [re.search("peer=(\\S+) count=(\\d)", line).groups()
            for line in server.lines("new peer")] == [
        ("127.0.0.1,127.0.0.2", "2"), ("127.0.0.3:7000", "1")]


def test_a_missing_credential_is_no_refusal(daemon, client):
    server = daemon()
    for _ in range(20):
        client(server).get_challenge()
    server.stop()
    assert not server.lines("(?i)refused")


@pytest.mark.parametrize("name", [
    b"a\nb", b"a\r\nfake line", b"\x1b[31mred", b"a\" b=\"c", b"\xff\xfe",
    b"\xe2\x80\xaereversed", b"%s%n", b"\\"])
def test_user_bytes_are_escaped(daemon, client, name):
    server = daemon()
    c = client(server)
    c.get_challenge()
    rest = [a for a in c.credentials()
            if a[0] not in (stun.USERNAME, stun.USERHASH)]
    message = stun.encode(stun.ALLOCATE, attrs=[
        stun.requested_transport(), (stun.USERNAME, name), *rest])
    assert c.exchange(stun.add_integrity_sha256(message, b"k")).error == 401
    before = len(server.log)
    server.stop()
    assert len(server.log) - before <= 4
    text = "\n".join(server.log)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", text)
    assert not any(line.startswith(("fake", "b ")) for line in server.log)


def test_json(daemon, client):
    server = daemon(log={"format": "json"})
    c = client(server)
    c.allocate()
    c.refresh(0)
    server.stop()
    records = [json.loads(line) for line in server.log]
    end = [r for r in records if "refresh-0" in r.values()]
    assert len(end) == 1
    assert end[0]["user"] == "alice"
    assert isinstance(end[0]["time"], int)


def test_level(daemon, client):
    server = daemon(log={"level": "error"})
    c = client(server)
    c.allocate()
    c.refresh(0)
    server.stop()
    assert server.log == []


def test_stopped_reader_costs_no_packet(daemon, client, peer):
    """stderr is a full pipe that nobody reads: sessions begin, relay and
    end as always."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    server, p = daemon(stderr=writing), peer()
    os.set_blocking(writing, False)
    # Blocking belongs to the open file, which the daemon shares: fill, then
    # set it back.
    try:
        while True:
            os.write(writing, b"x")
    except BlockingIOError:
        os.set_blocking(writing, True)
    for _ in range(300):
        c = client(server)
        c.allocate()
        c.bind_channel(0x4000, p.address)
        for n in range(3):
            c.send_channel(0x4000, b"%d" % n)
            assert p.receive() == (b"%d" % n, c.relayed)
            p.send(c.relayed, b"%d" % n)
            assert c.receive() == (0x4000, b"%d" % n)
        c.refresh(0)
    os.close(writing)
    read = []

    def drain():
        while data := os.read(reading, 65536):
            read.append(data)

    reader = threading.Thread(target=drain)
    reader.start()
    server.stop()
    reader.join()
    os.close(reading)
    text = b"".join(read).decode().lstrip("x")
    assert text.count("refresh-0") >= 1 or "lost" in text


def test_stopped_reader_does_not_stop_the_end(daemon, client):
    """SIGTERM with a full pipe: the daemon does not wait for ever."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, F_SETPIPE_SZ, 4096)
    server = daemon(stderr=writing)
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x")
    except BlockingIOError:
        os.set_blocking(writing, True)
    with TurnClient(server.address) as c:
        c.allocate()
    server.stop()
    os.close(writing)
    os.close(reading)
