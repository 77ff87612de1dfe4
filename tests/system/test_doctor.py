"""turnpikectl doctor and capture, with the real daemon."""

import os
import signal
import socket
import subprocess

import pytest

import ctl
import daemon as daemons
import stun

pytestmark = pytest.mark.turnpike


@pytest.fixture
def start(daemon, folder):
    def make(**changes):
        config = {"socket": f"{folder.state}/control.sock", "http": ""}
        server = daemon(control=config, **changes)
        server.ctl = lambda *arguments, **how: ctl.run(
            *arguments, "--socket", config["socket"], **how)
        server.conf = server.command[server.command.index("-c") + 1]
        return server
    return make


def examine(server, *arguments, **how):
    """What the doctor finds: {check: [finding]}, and the exit status."""
    result = server.ctl("doctor", "--json", "-c", server.conf, *arguments,
                        expect=None, **how)
    found = {}
    for finding in result.json["findings"]:
        found.setdefault(finding["check"], []).append(finding)
    counts = [f["result"] for f in result.json["findings"]]
    assert result.json["failed"] == counts.count("failed")
    assert result.json["warnings"] == counts.count("warning")
    assert result.status == (ctl.FAILED if result.json["failed"] else
                             ctl.WARNED if result.json["warnings"] else
                             ctl.OK)
    return found


def results(findings):
    return [f["result"] for f in findings]


def test_a_server_that_is_well(start):
    server = start(secrets=[{"secret": "a long random text"}])
    found = examine(server)
    assert results(found["process"]) == ["ok"]
    assert results(found["listener"]) == ["ok"]
    assert found["relay-ports"][0]["result"] == "ok"
    assert results(found["descriptors"]) == ["ok"]
    # To a peer and to another client by the self-test's credential, to
    # another client by a time-limited one.
    assert results(found["relay"]) == ["ok", "ok", "ok"], found["relay"]
    # Loopback is what clients are told here.
    assert results(found["advertised"]) == ["warning"]
    seen = server.ctl("sessions", "--json", expect=None).json
    assert seen["sessions"] == []

    shown = server.ctl("doctor", "-c", server.conf, expect=ctl.WARNED).out
    assert "ok        the listener at udp " in shown
    assert "-> set relay.advertise to the public address" in shown


def test_a_server_that_does_not_run(start):
    server = start()
    server.stop()
    found = examine(server)
    assert results(found["process"]) == ["failed"]
    assert "journalctl" in found["process"][0]["remedy"]
    assert "listener" not in found and "relay" not in found


def test_a_configuration_with_a_mistake(start, folder):
    server = start()
    server.conf = folder.write("broken.conf", 'realm = "r";\nport = 5;\n')
    found = examine(server)
    # A machine with no address but loopback is warned of besides.
    mistakes = [f for f in found["configuration"] if f["result"] == "failed"]
    assert len(mistakes) == 1
    assert f"{server.conf}:2: " in mistakes[0]["text"]
    assert results(found["process"]) == ["ok"]


def test_relay_ports_that_others_hold(start):
    first = daemons.free_range(4)
    server = start(relay={"ports": [first, first + 3]})
    held = []
    for port in range(first, first + 4):
        held.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        held[-1].bind((server.address[0], port))
    found = examine(server)
    for s in held:
        s.close()
    ports = found["relay-ports"]
    assert ports[0]["result"] == "failed"
    assert "Address already in use" in ports[0]["text"]
    assert any("4 ports" in f["text"] for f in ports)
    assert results(found["relay"]) == ["failed", "failed"]
    assert "508" in found["relay"][0]["text"]


def test_a_server_that_drains(start):
    server = start()
    server.ctl("drain")
    found = examine(server)
    assert found["process"][0]["remedy"] == "turnpikectl drain --end"
    assert "relay" not in found


def test_a_capture(start, client, folder):
    server = start()
    path = f"{folder.state}/out.pcapng"
    process = subprocess.Popen(
        [ctl.BINARY, "capture", path, "--socket",
         server.config["control"]["socket"]],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=daemons.clean_environment())
    server.await_log("capture began")
    c = client(server)
    c.allocate()
    c.refresh(0)
    daemons.until(lambda: os.path.getsize(path) > 500)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out.decode().startswith(f"{path}: ")
    file = open(path, "rb").read()
    assert file[:4] == b"\x0a\x0d\x0d\x0a"
    assert c.nonce not in file and c.user.encode() not in file
    assert os.stat(path).st_mode & 0o777 == 0o600

    result = server.ctl("capture", path, expect=ctl.NO_OUTPUT)
    assert "--force" in result.err
    server.ctl("capture", path, "--seconds", "2h", expect=ctl.USAGE)
    server.ctl("capture", path, "--force", "--client", "alice",
               expect=ctl.DATA)
    assert not os.path.exists(path)
    result = server.ctl("capture", path, "--seconds", "1s", "--json")
    assert result.json["lost"] == 0 and result.json["file"] == path
    result = server.ctl("capture", f"{folder.state}/x.pcapng", "--bytes", "1")
    assert "bytes" in result.out
