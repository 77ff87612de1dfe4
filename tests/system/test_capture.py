"""Captures of control messages: begun and taken by the API, and replayed by
the simulator."""

import os
import struct
import subprocess

import pytest

import control
import stun

HERE = os.path.dirname(os.path.abspath(__file__))
SIM = os.path.join(HERE, "../../build/tests/sim/sim")


@pytest.fixture
def start(daemon, folder):
    def make(**changes):
        server = daemon(control={"socket": f"{folder.state}/control.sock",
                                 "http": ""}, **changes)
        return server, control.Control(server)
    return make


def packets(file):
    """(inbound, UDP payload) of each packet of a pcapng file."""
    out, at = [], 0
    while at < len(file):
        kind, length = struct.unpack_from(">II", file, at)
        assert file[at + length - 4:at + length] == struct.pack(">I", length)
        if kind == 6:
            captured, original = struct.unpack_from(">II", file, at + 20)
            assert captured == original
            datagram = file[at + 28 + 28:at + 28 + captured]
            flags_at = at + 28 + captured + -captured % 4
            code, _, flags = struct.unpack_from(">HHI", file, flags_at)
            assert code == 2 and flags in (1, 2)
            out.append((flags == 1, datagram))
        at += length
    return out


def begin(api, **members):
    answer = api.ask("POST", "/v1/capture", members)
    assert answer.status == 201, answer.body
    assert answer.headers["Content-Type"] == "application/x-pcapng"
    return answer.body


def take(api):
    answer = api.ask("POST", "/v1/capture/take")
    assert answer.status == 200, answer.body
    return answer.body


def end(api):
    answer = api.ask("DELETE", "/v1/capture")
    assert answer.status == 200, answer.body
    return answer.json["lost"]


def session(c, peer):
    c.allocate()
    c.permit(peer.address)
    c.bind_channel(0x4000, peer.address)
    c.send(peer.address, b"what they say")
    c.send_channel(0x4000, b"to each other")
    peer.receive()
    peer.receive()
    c.refresh(0)


def test_a_session_is_captured_without_its_secrets(start, client, peer,
                                                   tmp_path):
    server, api = start()
    file = begin(api)
    c = client(server)
    session(c, peer())
    file += take(api)
    assert end(api) == 0

    seen = packets(file)
    asked = [stun.Message(data) for inbound, data in seen if inbound]
    told = [stun.Message(data) for inbound, data in seen if not inbound]
    assert [m.method for m in asked] == [
        stun.ALLOCATE, stun.ALLOCATE, stun.CREATE_PERMISSION,
        stun.CHANNEL_BIND, stun.REFRESH]
    assert len(told) == len(asked)
    for secret in c.user.encode(), b"what they say", b"to each other", \
            c.nonce:
        assert secret not in file

    path = tmp_path / "capture.pcapng"
    path.write_bytes(file)
    done = subprocess.run([SIM, "--replay", path], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 answered alike, 0 not" in done.stdout


def test_only_one_capture_and_only_of_one_client(start, client):
    server, api = start()
    file = begin(api, client="203.0.113.9", seconds=5)
    answer = api.ask("POST", "/v1/capture", {})
    assert answer.status == 409 and answer.code == "busy"
    client(server).allocate()
    assert packets(file + take(api)) == []
    assert end(api) == 0
    answer = api.ask("POST", "/v1/capture/take")
    assert answer.status == 404 and answer.code == "no_capture"
    assert api.ask("DELETE", "/v1/capture").status == 404

    begin(api, client=server.address[0])
    client(server).allocate()
    assert len(packets(take(api))) == 4
    end(api)
    server.await_log("capture ended")


def test_a_capture_ends_at_its_time(start, client):
    server, api = start()
    begin(api, seconds=1)
    client(server).allocate()
    got = b""
    while True:
        answer = api.ask("POST", "/v1/capture/take")
        if answer.status == 404:
            break
        got += answer.body
    assert len(packets(got)) == 4
    begin(api)
    end(api)


@pytest.mark.parametrize("body", [
    {"client": "alice"}, {"client": "10.0.0.1:5"}, {"client": 5},
    {"seconds": 0}, {"seconds": 3601}, {"seconds": "1"}, {"bytes": 1}])
def test_what_is_no_capture_is_refused(start, body):
    _, api = start()
    answer = api.ask("POST", "/v1/capture", body)
    assert answer.status == 400, answer.body
    assert api.ask("DELETE", "/v1/capture").status == 404


def test_the_server_stops_while_it_captures(start, client):
    server, api = start()
    begin(api)
    client(server).allocate()
    server.stop()
