"""N15: what a client says about addresses does not reach upstream, nor does
its own address; what opens metadata services neither."""

import pytest

STRIPPED = {
    "X-Forwarded-For": "1.2.3.4", "X-Real-IP": "1.2.3.4",
    "Forwarded": "for=1.2.3.4", "Proxy": "http://evil.example",
    "Via": "1.1 somebody", "Metadata": "true", "Metadata-Flavor": "Google",
    "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http",
    "X-Client-IP": "1.2.3.4", "True-Client-IP": "1.2.3.4",
    "X-aws-ec2-metadata-token": "x",
}


@pytest.mark.parametrize("name", STRIPPED)
def test_header_is_stripped(stack, name):
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"),
                       [(name, STRIPPED[name]), (name.upper(), "again"),
                        ("X-Kept", "yes")])
    assert answer.status == 200
    request = stack.last("good.skype.com")
    assert request.all(name) == []
    assert request.get("X-Kept") == "yes"


def test_client_is_not_told(stack):
    source = stack.source()
    stack.ask("GET", stack.path("good.skype.com", "/x"), source=source)
    text = str(stack.last("good.skype.com").headers)
    assert source not in text
    assert "proxy.example.org" not in text


def test_host_is_upstreams(stack):
    stack.ask("GET", stack.path("good.skype.com", "/x"))
    assert stack.last("good.skype.com").all("Host") == ["good.skype.com"]


def test_credentials_and_own_headers_pass(stack):
    sent = {"Authorization": "Bearer x.y.z", "Cookie": "a=1; b=2",
            "X-Skypetoken": "x", "X-Request-Id": "mine",
            "User-Agent": "test/1", "Accept-Language": "de",
            "x-ms-client-request-id": "7", "Content-Type": "text/x; a=b"}
    stack.ask("POST", stack.path("good.skype.com", "/x"),
              list(sent.items()), b"x")
    request = stack.last("good.skype.com")
    for name, value in sent.items():
        assert request.all(name) == [value]


def test_smuggling_is_refused(stack):
    path = stack.path("good.skype.com", "/x")
    before = stack.accepts()
    with stack.client() as client:
        client.send((f"POST {path} HTTP/1.1\r\nHost: proxy.example.org\r\n"
                     "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "0\r\n\r\n").encode())
        assert client.answer().status == 400
    with stack.client() as client:
        client.send((f"POST {path} HTTP/1.1\r\nHost: proxy.example.org\r\n"
                     "Content-Length: 4\r\nContent-Length: 5\r\n\r\n"
                     "body").encode())
        assert client.answer().status == 400
    with stack.client() as client:
        client.send((f"GET {path} HTTP/1.1\r\nHost: proxy.example.org\r\n"
                     "Host: evil.example\r\n\r\n").encode())
        assert client.answer().status == 400
    assert stack.accepts() == before
