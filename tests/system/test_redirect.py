"""A fleet of two: whoever comes while the first one drains uses the second."""

import ipaddress
import struct

import pytest

import daemon as daemons
import stun
from control import Control
from test_clients import delivered, uclient
from test_config import GOOD, refused
from test_reload import reload

pytestmark = pytest.mark.turnpike

KEY = {"key": "00112233445566778899aabbccddeeff" * 2}
# Relay ports of one address, each server's own.
FIRST_PORTS, SECOND_PORTS = [61000, 62999], [63000, 64999]


@pytest.fixture
def fleet(daemon):
    """Two servers that list both; the first one drains by command."""
    ports = [daemons.free_port(), daemons.free_port()]
    drain = {"deadline": "0s",
             "alternates": [f"127.0.0.1:{port}" for port in ports]}
    first, second = (
        daemon(listen=[{"transport": "udp", "address": "127.0.0.1",
                        "port": port}],
               relay={"address": "127.0.0.1", "ports": relay},
               nonce=KEY, drain=drain)
        for port, relay in zip(ports, (FIRST_PORTS, SECOND_PORTS)))
    return first, second


def begin_drain(server):
    assert Control(server).ask("POST", "/v1/drain", {}).status == 202
    server.await_log("draining")


def alternate(response):
    _, family, port = struct.unpack("!BBH", response.get(0x8023)[:4])
    assert family == 1
    return str(ipaddress.ip_address(response.get(0x8023)[4:])), port


def test_who_comes_anew_is_sent_to_the_other_one(fleet, client):
    """With the nonce it has, and with its 5-tuple: a browser's way."""
    first, second = fleet
    there = client(first)
    there.allocate()
    begin_drain(first)
    c = client(first, legacy=True)
    for _ in range(20):
        # The client has checked the integrity.
        answer = c.allocate(expect=300)
        assert alternate(answer) == second.address
    c.server = second.address
    asked = c.sent_packets
    c.allocate()
    assert c.sent_packets == asked + 1, "the nonce was good there, too"
    assert SECOND_PORTS[0] <= c.relayed[1] <= SECOND_PORTS[1]
    there.refresh()
    first.await_log("drains and takes nobody more.*user=alice.*draining")


def test_strangers_learn_of_no_other_server(fleet, client):
    first, _ = fleet
    begin_drain(first)
    c = client(first, password="wrong")
    answer = c.allocate(expect=401)
    assert answer.get(0x8023) is None


def test_the_list_follows_a_reload(fleet, client):
    first, second = fleet
    begin_drain(first)
    c = client(first)
    c.allocate(expect=300)
    reload(first, drain={"deadline": "0s"})
    c.allocate(expect=508)
    assert Control(first).ask("DELETE", "/v1/drain").status == 204
    c.allocate()


def test_uclient_relays_by_the_other_one(fleet):
    """coturn's client follows ALTERNATE-SERVER."""
    first, second = fleet
    begin_drain(first)
    done = uclient(first, "-y", "-c", "-n", "10", "-m", "2", "-l", "200",
                   "-z", "5")
    delivered(done, 20)
    assert not first.lines("session began")
    assert second.lines("session began")


def test_alternates_without_a_common_nonce_key(folder):
    messages = refused(folder, GOOD + 'drain = { alternates = '
                       '[ "192.0.2.1" ]; };\n', "--check")
    (line, said), = messages
    assert line == 4 and said.startswith("drain.alternates needs nonce.key")
