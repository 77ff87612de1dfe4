"""Wildcard listeners and the relay address (network namespaces)."""

import pytest

import stun
from daemon import base_config, render_file, run_binary, Folder, until
from netns import join
from turnclient import NoAnswer, TurnClient

pytestmark = [pytest.mark.turnpike, pytest.mark.root]

THREE = ["10.78.0.1", "10.78.0.2", "10.78.0.3"]
PORT = 3478


@pytest.fixture
def site(namespaces):
    """(server namespace with three addresses on one interface, client
    namespace)."""
    server, clients = namespaces("server", "client")
    join(server, clients, THREE[0] + "/24", "10.78.0.100/24")
    for ip in THREE[1:]:
        server.ip("address", "add", ip + "/24", "dev", "veth0")
    return server, clients


@pytest.fixture
def wildcard(site, daemon):
    """wildcard(**config) starts a server on 0.0.0.0 in the namespace."""
    def make(**config):
        config.setdefault("relay", {"address": THREE[0],
                                    "ports": [61000, 65535]})
        return daemon(netns=site[0], port=PORT,
                      listen=[{"address": "0.0.0.0", "port": PORT}],
                      peers={"allow": ["10.78.0.0/24"]}, **config)
    return make


def one_client(site, ip):
    return TurnClient((ip, PORT), sock=site[1].bound("10.78.0.100"))


def answers(site, ip):
    with one_client(site, ip) as c:
        try:
            c.exchange(stun.encode(stun.BINDING), patience_s=0.3)
            return True
        except NoAnswer:
            return False


def bound_udp(ns):
    """Local addresses of UDP sockets on PORT in a namespace."""
    def read():
        with open("/proc/thread-self/net/udp") as table:
            return table.read().splitlines()[1:]
    found = set()
    for line in ns.run(read):
        ip, _, port = line.split()[1].partition(":")
        if int(port, 16) == PORT:
            found.add(".".join(str(b) for b in
                               reversed(bytes.fromhex(ip))))
    return found


def test_answers_leave_from_the_address_that_was_asked(site, wildcard):
    """The client itself asserts the source of every answer."""
    wildcard()
    for ip in THREE:
        with one_client(site, ip) as c:
            c.allocate()
            assert c.relayed[0] == THREE[0]
            peer = site[1].bound("10.78.0.100")
            c.permit("10.78.0.100")
            peer.sendto(b"to the client", c.relayed)
            assert c.receive()[1] == b"to the client"
            c.refresh(0)
            peer.close()


def test_local_address_is_part_of_the_5_tuple(site, wildcard):
    """One client socket, three addresses asked: three allocations."""
    wildcard()
    sock = site[1].bound("10.78.0.100")
    relayed = set()
    for ip in THREE:
        c = TurnClient((ip, PORT), sock=sock)
        c.allocate()
        relayed.add(c.relayed)
    assert len(relayed) == 3
    for ip in THREE:
        c = TurnClient((ip, PORT), sock=sock)
        c.get_challenge()
        c.refresh(0)
        c.refresh(expect=437)
    sock.close()


def test_added_address_is_served(site, wildcard):
    wildcard()
    new = "10.78.0.9"
    assert not answers(site, new)
    site[0].ip("address", "add", new + "/24", "dev", "veth0")
    until(lambda: answers(site, new))
    with one_client(site, new) as c:
        c.allocate()


def test_removed_address_goes(site, wildcard):
    """Its sockets are closed; the others stay, and so do their clients."""
    wildcard()
    assert set(THREE) <= bound_udp(site[0])
    with one_client(site, THREE[0]) as stays:
        stays.allocate()
        site[0].ip("address", "del", THREE[2] + "/24", "dev", "veth0")
        until(lambda: THREE[2] not in bound_udp(site[0]))
        stays.refresh()
        site[0].ip("address", "add", THREE[2] + "/24", "dev", "veth0")
        until(lambda: answers(site, THREE[2]))


def test_address_of_a_new_interface(site, wildcard):
    """rtnetlink tells of those too."""
    wildcard()
    site[0].stub("stub7", "10.79.0.1/24")
    site[1].ip("route", "add", "10.79.0.0/24", "via", THREE[0])
    until(lambda: answers(site, "10.79.0.1"))


def test_loopback_is_served_too(site, wildcard):
    wildcard()
    with TurnClient(("127.0.0.1", PORT),
                    sock=site[0].bound("127.0.0.1")) as c:
        assert c.exchange(stun.encode(stun.BINDING)).mapped == c.address


def start_refused(site, **changes):
    """stderr of a start that must be refused with 78."""
    folder = Folder()
    try:
        config = base_config(folder, THREE[0], PORT)
        config.update(changes)
        config.pop("relay", None)
        path = folder.write("turnpike.conf", render_file(config))
        done = site[0].run(lambda: run_binary("-c", path))
        assert done.returncode == 78, done
        return done.stderr
    finally:
        folder.remove()


def test_ambiguous_relay_address_stops_the_start(site):
    """... and names the candidates."""
    said = start_refused(site, listen=[{"address": "0.0.0.0",
                                        "port": PORT}])
    for ip in THREE:
        assert ip in said
    assert "127.0.0.1" not in said
    assert "relay.address" in said


def test_two_listeners_are_ambiguous_too(site):
    said = start_refused(site, listen=[
        {"address": THREE[1], "port": PORT},
        {"address": THREE[2], "port": PORT}])
    assert THREE[1] in said and THREE[2] in said
    assert THREE[0] not in said


def test_single_address_is_the_relay_address(site, daemon):
    server = daemon(address=THREE[1], netns=site[0], port=PORT,
                    relay={"ports": [61000, 65535]})
    with one_client(site, THREE[1]) as c:
        c.allocate()
        assert c.relayed[0] == THREE[1]
    server.await_log("relay.advertise")


def test_private_relay_address_is_warned_of(site, wildcard):
    """... naming the remedy; not if an address is advertised."""
    wildcard().await_log("warning.*relay.advertise")


def test_advertised_address_needs_no_warning(site, wildcard):
    server = wildcard(relay={"address": THREE[0],
                             "advertise": "20.202.255.255",
                             "ports": [61000, 65535]})
    server.stop()
    assert not server.lines("relay.advertise"), server.log


def test_relay_address_must_be_ours(site, daemon):
    folder = Folder()
    try:
        config = base_config(folder, THREE[0], PORT)
        config["relay"] = {"address": "10.78.0.77", "ports": [61000, 65535]}
        path = folder.write("turnpike.conf", render_file(config))
        done = site[0].run(lambda: run_binary("-c", path))
        assert done.returncode != 0
        assert "10.78.0.77" in done.stderr
    finally:
        folder.remove()


def test_taken_listener_stops_the_start(site):
    """All sockets are bound before one is read: no half server."""
    folder = Folder()
    taken = site[0].bound(THREE[1], PORT)
    try:
        config = base_config(folder, THREE[0], PORT)
        config["listen"].append({"address": THREE[1], "port": PORT})
        path = folder.write("turnpike.conf", render_file(config))
        done = site[0].run(lambda: run_binary("-c", path))
        assert done.returncode not in (0, -11)
        assert f"{THREE[1]}:{PORT}" in done.stderr
    finally:
        taken.close()
        folder.remove()
