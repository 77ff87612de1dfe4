"""Clients that others wrote: coturn's turnutils_uclient and aioice."""

import asyncio
import os
import re
import select
import socket
import subprocess
import threading

import pytest

import coturn
import daemon as daemons

try:
    import aioice
except ImportError:
    aioice = None

needs_aioice = pytest.mark.skipif(aioice is None, reason="python3-aioice")

class Echo:
    """A peer that sends back what it gets, on an even port and, for RTCP,
    the next one; until closed."""

    def __init__(self, ip="127.0.0.1"):
        while True:
            port = daemons.free_port(ip) & ~1
            self.socks = []
            try:
                for n in (0, 1):
                    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    self.socks.append(sock)
                    sock.bind((ip, port + n))
                break
            except OSError:
                self.close_sockets()
        self.address = ip, port
        self.end, self.ended = os.pipe()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            ready, _, _ = select.select([self.end, *self.socks], [], [])
            if self.end in ready:
                return
            for sock in ready:
                data, source = sock.recvfrom(65536)
                sock.sendto(data, source)

    def close_sockets(self):
        for sock in self.socks:
            sock.close()

    def close(self):
        os.close(self.ended)
        self.thread.join()
        os.close(self.end)
        self.close_sockets()


@pytest.fixture
def echo():
    made = Echo()
    yield made
    made.close()

# turnutils_uclient: Send mode, because Debian's takes channels that RFC 8656
# does not allow.

def uclient(server, *options, password="secret"):
    found = coturn.find("turnutils_uclient")
    if not found:
        pytest.skip("turnutils_uclient of Debian's coturn: set COTURN_DIR")
    program, env = found
    return subprocess.run(
        [program, "-s", "-u", "alice", "-w", password, "-p",
         str(server.address[1]), *options, server.address[0]],
        env={**os.environ, **env}, capture_output=True, text=True,
        timeout=60, stdin=subprocess.DEVNULL)

def delivered(done, messages):
    """Assert that uclient saw each of its messages come back."""
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "Total lost packets 0 (" in text, text
    received = re.findall(r"tot_recv_msgs=(\d+)", text)
    assert int(received[-1]) == messages, text

def test_uclient_with_a_peer(daemon, echo):
    """With RTCP: EVEN-PORT, and the reservation redeemed."""
    ip, port = echo.address
    done = uclient(daemon(), "-e", ip, "-r", str(port), "-n", "20", "-m", "4",
                   "-l", "170", "-z", "5")
    delivered(done, 80)

def test_uclient_between_clients(daemon):
    """-y: each client's peer is another one's relayed address."""
    done = uclient(daemon(workers=2), "-y", "-c", "-n", "20", "-m", "4",
                   "-l", "1000", "-z", "5")
    delivered(done, 80)

def test_uclient_with_everything(daemon, echo):
    """-g: DONT-FRAGMENT; -G: permissions again, up to 11 in one request."""
    ip, port = echo.address
    done = uclient(daemon(), "-g", "-G", "-c", "-e", ip, "-r", str(port),
                   "-n", "10", "-m", "2", "-l", "500", "-z", "5")
    delivered(done, 20)


def test_uclient_with_a_wrong_password(daemon):
    done = uclient(daemon(), "-y", "-c", "-n", "1", password="wrong")
    assert done.returncode != 0
    assert "Cannot complete Allocation" in done.stdout + done.stderr

# aioice: channels only, never CreatePermission.

class Collector(asyncio.DatagramProtocol):
    def __init__(self):
        self.received = asyncio.Queue()
        self.lost = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, address):
        self.received.put_nowait((data, address))

    def connection_lost(self, error):
        if not self.lost.done():
            self.lost.set_result(error)

def run(coroutine, timeout_s=30):
    asyncio.run(asyncio.wait_for(coroutine, timeout_s))

async def endpoint(server, password="secret"):
    return await aioice.turn.create_turn_endpoint(
        Collector, server_addr=server.address, username="alice",
        password=password)

async def get(collector):
    return await asyncio.wait_for(collector.received.get(), 5)

@needs_aioice
def test_aioice_endpoint(daemon, echo):
    server = daemon()

    async def work():
        transport, collector = await endpoint(server)
        ip, port = transport.get_extra_info("sockname")
        assert ip == "127.0.0.1"
        assert server.relay_ports[0] <= port <= server.relay_ports[1]
        for data in (b"a", os.urandom(100), os.urandom(1200)):
            transport.sendto(data, echo.address)
            assert await get(collector) == (data, echo.address)
        transport.close()
        assert await asyncio.wait_for(collector.lost, 5) is None

    run(work())

@needs_aioice
def test_aioice_endpoints_with_each_other(daemon):
    """Both relayed addresses are ours, on two workers or one."""
    server = daemon(workers=2)

    async def work():
        ends = [await endpoint(server) for _ in range(4)]
        addresses = [t.get_extra_info("sockname") for t, _ in ends]
        silent = set(range(4))
        while silent:
            # What comes before the other side has bound its channel is
            # dropped: say it again.
            for n, (transport, _) in enumerate(ends):
                transport.sendto(b"hello %d" % n, addresses[n ^ 1])
            for n in list(silent):
                try:
                    got = await asyncio.wait_for(ends[n][1].received.get(),
                                                 0.05)
                except asyncio.TimeoutError:
                    continue
                assert got == (b"hello %d" % (n ^ 1), addresses[n ^ 1])
                silent.remove(n)
        for transport, collector in ends:
            transport.close()
            await asyncio.wait_for(collector.lost, 5)

    run(work())


@needs_aioice
def test_aioice_with_a_wrong_password(daemon):
    server = daemon()

    async def work():
        with pytest.raises(aioice.stun.TransactionFailed) as refused:
            await endpoint(server, "wrong")
        assert refused.value.response.attributes["ERROR-CODE"][0] == 401

    run(work())

@needs_aioice
def test_aioice_relay_only_ice(daemon):
    """Two agents that know only relayed candidates connect and talk."""
    server = daemon(workers=2)

    def agent(controlling):
        return aioice.Connection(
            ice_controlling=controlling, turn_server=server.address,
            turn_username="alice", turn_password="secret", use_ipv6=False,
            transport_policy=aioice.TransportPolicy.RELAY)

    async def work():
        a, b = agent(True), agent(False)
        await asyncio.gather(a.gather_candidates(), b.gather_candidates())
        for one, other in ((a, b), (b, a)):
            assert {c.type for c in one.local_candidates} == {"relay"}
            for candidate in one.local_candidates:
                await other.add_remote_candidate(candidate)
            await other.add_remote_candidate(None)
            other.remote_username = one.local_username
            other.remote_password = one.local_password
        await asyncio.gather(a.connect(), b.connect())
        for one, other in ((a, b), (b, a)):
            data = os.urandom(1000)
            await one.send(data)
            assert await asyncio.wait_for(other.recv(), 5) == data
        await asyncio.gather(a.close(), b.close())

    run(work())
