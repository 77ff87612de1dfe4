"""turnpiked proves itself: it allocates through itself, relays packets both
ways, says through which address, and goes on serving."""

import os
import re
import socket

import pytest

import daemon as daemons

pytestmark = pytest.mark.turnpike

PASSED = r"^self-test: ok, relayed (\S+):(\d+), (\d+) packets both ways"


def passed(server):
    """(address, port) through which the server says that it relayed."""
    line = server.await_log(PASSED, timeout_s=20)
    ip, port, packets = re.match(PASSED, line).groups()
    assert int(packets) >= 2
    assert 61000 <= int(port) <= 65535
    return ip, int(port)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_passes_and_serves(daemon, client, workers):
    server = daemon(arguments=["--self-test"], workers=workers)
    assert passed(server)[0] == "127.0.0.1"
    c = client(server)
    c.allocate()
    c.refresh(0)


def test_without_a_rule_for_it(daemon):
    """The one peer it needs is opened by itself, not by the configuration."""
    passed(daemon(arguments=["--self-test"], remove=("peers",)))


def test_peer_rules_are_as_before(daemon, client):
    server = daemon(arguments=["--self-test"], remove=("peers",))
    passed(server)
    c = client(server)
    c.allocate()
    c.permit("10.0.0.1", expect=403)
    c.bind_channel(0x4000, ("127.0.0.1", 2000), expect=403)


def test_with_the_preset_acs(daemon):
    """... which admits nothing else of this machine."""
    passed(daemon(arguments=["--self-test"], peers={
        "preset": "acs", "acs_file": os.path.join(
            daemons.ROOT, "etc", "acs.list")}))


def test_with_an_advertised_address(daemon):
    """... which need not lead back to this machine."""
    server = daemon(arguments=["--self-test"], relay={
        "address": "127.0.0.1", "advertise": "20.202.255.255",
        "ports": daemons.RELAY_PORTS})
    assert passed(server)[0] == "20.202.255.255"


def test_without_users(daemon):
    """It brings its own credential."""
    passed(daemon(arguments=["--self-test"], users=()))


def test_its_credential_is_gone_afterwards(daemon, client):
    """... and was never in the log but for its random name."""
    server = daemon(arguments=["--self-test"], log={"level": "debug"})
    passed(server)
    name = re.search(r"self-test-[0-9a-f]+",
                     server.await_log("self-test-[0-9a-f]"))
    client(server, name[0], "any").allocate(expect=401)


def test_failure_is_told(folder):
    """A range in which every port is taken: another status than that of a
    wrong configuration, and the remedy."""
    first = daemons.free_range(2)
    taken = []
    try:
        for port in (first, first + 1):
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            taken.append(sock)
            sock.bind(("127.0.0.1", port))
        config = daemons.base_config(folder, "127.0.0.1",
                                     daemons.free_port())
        config["relay"]["ports"] = [first, first + 1]
        path = folder.write("turnpike.conf", daemons.render_file(config))
        done = daemons.run_binary("-c", path, "--self-test", timeout_s=60)
        assert done.returncode not in (0, 78)
        assert "self-test: FAILED" in done.stdout
        assert "508" in done.stdout and "relay.ports" in done.stdout
    finally:
        for sock in taken:
            sock.close()
