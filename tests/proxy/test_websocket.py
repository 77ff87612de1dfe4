"""N7: WebSockets, and no other upgrade."""

import os

import pytest

import websocket
from slow import IDLE_S


def test_echo_and_close_codes(stack):
    with stack.client() as client:
        answer = client.upgrade(stack.path("good.skype.com", "/ws?t=1"),
                                [("Origin", "https://app.example.com"),
                                 ("Sec-WebSocket-Protocol", "chat")])
        assert answer.status == 101, answer
        request = stack.last("good.skype.com")
        assert request.target == "/ws?t=1"
        assert request.get("Sec-WebSocket-Protocol") == "chat"
        for number in range(20):
            client.say(websocket.TEXT, b"message %d" % number)
            assert client.hear() == (websocket.TEXT, b"message %d" % number)
        client.say(websocket.PING, b"still there?")
        assert client.hear() == (websocket.PONG, b"still there?")
        for code in (b"\x03\xe8bye", ):
            client.say(websocket.CLOSE, code)
            assert client.hear() == (websocket.CLOSE, code)
        assert client.hear() is None


def test_close_code_of_application(stack):
    with stack.client() as client:
        assert client.upgrade(
            stack.path("good.skype.com", "/ws")).status == 101
        client.say(websocket.CLOSE, b"\x0f\xa1" + b"application")
        assert client.hear() == (websocket.CLOSE, b"\x0f\xa1application")


def test_binary_frame_of_1_mb(stack):
    payload = os.urandom(1024 * 1024)
    with stack.client() as client:
        assert client.upgrade(
            stack.path("good.skype.com", "/ws")).status == 101
        client.say(websocket.BINARY, payload)
        assert client.hear() == (websocket.BINARY, payload)


@pytest.mark.parametrize("method,upgrade", [
    ("POST", "websocket"), ("GET", "h2c"), ("GET", "h2c, websocket"),
    ("GET", "TLS/1.0"), ("PUT", "websocket")])
def test_other_upgrades_are_not_passed(stack, method, upgrade):
    answer = stack.ask(method, stack.path("good.skype.com", "/x"), [
        ("Upgrade", upgrade), ("Connection", "Upgrade, HTTP2-Settings"),
        ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")])
    assert answer.status == 200, answer
    request = stack.last("good.skype.com")
    assert request.get("Upgrade") is None
    assert "pgrade" not in (request.get("Connection") or "")


def test_upgrade_of_refused_host(stack):
    before = stack.accepts()
    with stack.client() as client:
        answer = client.upgrade("/evil.example.com/ws")
        assert answer.status == 403
    assert stack.accepts() == before


def test_upstream_that_does_not_upgrade(stack):
    """Its answer is passed on as it is."""
    with stack.client() as client:
        answer = client.upgrade(
            stack.path("tls12.skype.com", "/x") + "?none",
            method="GET")
        assert answer.status == 101
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), [
        ("Connection", "Upgrade")])
    assert answer.status == 200


@pytest.mark.last
def test_idle_for_90_s(stack, slow):
    seconds, data = slow.result("idle_websocket")
    assert seconds >= IDLE_S, f"closed after {seconds:.1f} s"
    assert data == websocket.frame(websocket.TEXT, b"after", False)
