"""N11, N12: limits per client, and nobody is waited for long."""

import pytest

import websocket


def test_request_rate(stack):
    """50 requests a second and 100 at once: of 300 in a moment most are
    answered 429, and another client does not notice."""
    answers = []
    with stack.client(stack.source()) as client:
        for _ in range(300):
            answers.append(client.ask("GET", "/").status)
    assert answers[:100] == [403] * 100
    assert answers.count(429) >= 50, answers.count(429)
    assert set(answers) == {403, 429}
    assert stack.ask("GET", "/").status == 403


def test_forwarded_requests_count(stack):
    source = stack.source()
    with stack.client(source) as client:
        for _ in range(130):
            client.ask("GET", "/")
        statuses = [client.ask("GET", stack.path("good.skype.com", "/x"))
                    .status for _ in range(20)]
    assert 429 in statuses


def test_connections(stack):
    """100 at once from one client, the 101st is refused."""
    import time
    source = stack.source()
    clients = []
    try:
        for _ in range(100):
            client = stack.client(source)
            clients.append(client)
            answer = client.upgrade(stack.path("good.skype.com", "/ws"))
            assert answer.status == 101, answer
            time.sleep(0.012)
        time.sleep(1)  # so that the rate does not come into it
        with stack.client(source) as one_more:
            answer = one_more.ask("GET", stack.path("good.skype.com", "/x"))
            assert answer.status == 429
        clients[0].say(websocket.TEXT, b"alive")
        assert clients[0].hear() == (websocket.TEXT, b"alive")
    finally:
        for client in clients:
            client.close()


def test_body_size(stack):
    path = stack.path("good.skype.com", "/x")
    assert stack.ask("POST", path, body=b"x" * 1000000,
                     wish={"body": "x"}).status == 200
    before = stack.accepts()
    assert stack.ask("POST", path, body=b"x" * 2000000).status == 413
    assert stack.accepts() == before


def test_header_size(stack):
    path = stack.path("good.skype.com", "/x")
    assert stack.ask("GET", path, [("X", "x" * 9000)],
                     wish={"body": "x"}).status == 200
    assert stack.ask("GET", path, [("X", "x" * 17000)]).status == 400
    assert stack.ask("GET", path + "?" + "x" * 17000).status == 414


@pytest.mark.last
def test_header_dribble_is_cut(slow):
    assert 5 < slow.result("header_dribble") <= 11.5


@pytest.mark.last
def test_silent_client_is_cut(slow):
    assert 5 < slow.result("silent_client") <= 11.5


@pytest.mark.last
def test_body_stall_is_cut(slow):
    assert 10 < slow.result("body_stall") <= 16.5
