"""N9, and what else goes through unchanged: statuses, bodies, streams, large
tokens, cookies."""

import time

import pytest

STATUSES = [400, 401, 402, 403, 404, 405, 406, 409, 410, 412, 415, 418, 421,
            422, 423, 426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 508,
            599]


@pytest.mark.parametrize("status", STATUSES)
def test_error_is_unchanged(stack, status):
    body = f'{{"error": {status}}}'
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), wish={
        "status": status, "body": body, "headers": [
            ("Content-Type", "application/json"), ("Retry-After", "7"),
            ("WWW-Authenticate", 'Bearer realm="x"')]})
    assert answer.status == status
    assert answer.body == body.encode()
    assert answer.get("Content-Type") == "application/json"
    assert answer.get("Retry-After") == "7"
    assert answer.get("WWW-Authenticate") == 'Bearer realm="x"'


def test_body_is_unchanged(stack):
    body = bytes(range(256)) * 3000
    answer = stack.ask("POST", stack.path("good.skype.com", "/x"),
                       [("Content-Type", "application/octet-stream"),
                        ("Accept-Encoding", "gzip")], body)
    assert answer.status == 200
    assert stack.last("good.skype.com").body == body
    assert answer.get("Content-Encoding") is None


def test_large_tokens(stack):
    """ACS tokens are long; several at once still go through."""
    headers = [(f"X-Token-{number}", "t" * 12000) for number in range(4)]
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), headers,
                       wish={"body": "x"})
    assert answer.status == 200
    for name, value in headers:
        assert stack.last("good.skype.com").get(name) == value


def test_large_headers_of_upstream(stack):
    headers = [(f"X-Large-{number}", "v") for number in range(3)]
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), wish={
        "body": "x", "headers": headers, "times": 7000})
    assert answer.status == 200
    for name, value in headers:
        assert answer.get(name) == value * 7000


def test_answer_streams(stack):
    with stack.client() as client:
        client.send((
            f"GET {stack.path('good.skype.com', '/x')} HTTP/1.1\r\n"
            "Host: proxy.example.org\r\n"
            'X-Test-Answer: {"chunks": ["one", "two", "three"],'
            ' "pause": 0.4}\r\n\r\n').encode())
        begin = time.monotonic()
        from upstream import read_head
        assert read_head(client.stream)[0].split()[1] == "200"
        arrived = [(when - begin, data) for when, data in client.chunks()]
    assert [data for _, data in arrived] == [b"one", b"two", b"three"]
    assert arrived[0][0] < 0.4 < arrived[2][0]


def test_request_streams(stack):
    host = "second.teams.microsoft.com"
    before = len(stack.upstreams[host].uploads)
    with stack.client() as client:
        client.send((
            f"POST {stack.path(host, '/x')} HTTP/1.1\r\n"
            "Host: proxy.example.org\r\nTransfer-Encoding: chunked\r\n"
            "\r\n3\r\none\r\n").encode())
        end = time.monotonic() + 3
        while len(stack.upstreams[host].uploads) == before:
            assert time.monotonic() < end, "nothing arrived before the end"
            time.sleep(0.01)
        client.send(b"3\r\ntwo\r\n0\r\n\r\n")
        assert client.answer().status == 200
    assert stack.last(host).body == b"onetwo"


def test_head(stack):
    answer = stack.ask("HEAD", stack.path("good.skype.com", "/x"),
                       wish={"body": "12345"})
    assert (answer.status, answer.get("Content-Length")) == (200, "5")


def test_cookies_stay_with_their_host(stack):
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), wish={
        "body": "x", "headers": [
            ("Set-Cookie", "a=1; Domain=skype.com; Path=/; Secure"),
            ("Set-Cookie", "b=2; Path=/deep; HttpOnly"),
            ("Set-Cookie", "c=3")]})
    assert answer.all("Set-Cookie") == [
        "a=1; Domain=proxy.example.org; Path=/good.skype.com/; Secure",
        "b=2; Path=/good.skype.com/deep; HttpOnly", "c=3"]


def test_what_speaks_for_a_whole_name_is_dropped(stack):
    headers = [("Strict-Transport-Security", "max-age=9; includeSubDomains"),
               ("Alt-Svc", 'h3=":443"'), ("Clear-Site-Data", '"*"')]
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), wish={
        "body": "x", "headers": [*headers, ("X-Kept", "yes")]})
    assert answer.get("X-Kept") == "yes"
    for name, _ in headers:
        assert answer.get(name) is None


def test_keep_alive(stack):
    with stack.client() as client:
        for number in range(5):
            answer = client.ask(
                "GET", stack.path("good.skype.com", f"/{number}"),
                wish={"body": str(number)})
            assert answer.body == str(number).encode()
