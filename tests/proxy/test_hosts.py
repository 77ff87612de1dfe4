"""N1, N2: which host a request reaches is decided by the raw request line, an
allow list and nothing else; whatever is odd is refused and nothing dialled."""

import pytest

from stack import UPSTREAMS

EVIL = "127.77.0.13"

BYPASSES = {
    "address-escaped-slash": f"/{EVIL}:{{port}}%2f.com/secret",
    "address": f"/{EVIL}/x",
    "address-port": f"/{EVIL}:{{port}}/x.com/x",
    "address-decimal": "/2130706433/x.com/x",
    "address-short": "/127.1/x.com/x",
    "address-ipv6": "/[::1]:{port}/x.com/x",
    "nul": "/good.skype.com%00.example.com/x",
    "crlf": "/good.skype.com%0d%0aHost:%20evil.example.com/x",
    "user": "/good.skype.com@evil.example.com:{port}/x",
    "user-before-allowed": "/user@good.skype.com:{port}/x",
    "colon-escaped": "/good.skype.com%3a{port}/x",
    "backslash": "/evil.example.com:{port}\\.skype.com/x",
    "backslash-user": "/good.skype.com\\@evil.example.com:{port}/x",
    "upper-case": "/GOOD.skype.com/x",
    "upper-case-port": "/GOOD.skype.com:{port}/x",
    "trailing-dot": "/good.skype.com./x",
    "trailing-dot-port": "/good.skype.com.:{port}/x",
    "idn": "/g\u00f6\u00f6d.skype.com/x",
    "label-of-300": f"/{'a' * 300}.skype.com/x",
    "name-of-300": "/" + "a." * 145 + "skype.com/x",
    "port-22": "/good.skype.com:22/x",
    "port-443": "/good.skype.com:443/x",
    "port-empty": "/good.skype.com:/x",
    "port-in-use": "/good.skype.com:{port}/x",
    "percent-in-name": "/good%2eskype%2ecom/x",
    "slash-escaped": "/good.skype.com%2fx",
    "double-slash": "//good.skype.com/x",
    "dot-segment": "/x/../good.skype.com:{port}/x",
    "empty-label": "/good..skype.com/x",
    "leading-dot": "/.skype.com/x",
    "leading-hyphen": "/-good.skype.com/x",
    "underscore": "/go_od.skype.com/x",
    "star": "/*.skype.com/x",
    "no-path": "/good.skype.com",
    "no-path-query": "/good.skype.com?x=/",
    "semicolon": "/good.skype.com;x/x",
    "blank": "/good.skype.com%20/x",
    "suffix-alone": "/skype.com/x",
    "suffix-not-a-label": "/evilskype.com/x",
    "suffix-in-front": "/good.skype.com.evil.example.com:{port}/x",
    "fragment": "/good.skype.com/x#y",
    "root": "/",
    "star-form": "*",
    "location-name": "/forward",
    "location-name-host": "/websocket/good.skype.com/",
    "absolute-form": "https://evil.example.com:{port}/x",
    "absolute-form-allowed": "https://evil.example.com/good.skype.com/x",
}

FOREIGN = {
    "com": "evil.example.com",
    "net": "evil.example.net",
    "denied": "vm.cloudapp.azure.com",
}


def refused(stack, target, method="GET"):
    before = stack.accepts()
    answer = stack.ask(method, target, [
        ("Authorization", "Bearer secret"), ("Metadata", "true")])
    assert answer is None or 400 <= answer.status < 500, answer
    assert stack.accepts() == before, "an upstream was reached"


@pytest.mark.parametrize("name", BYPASSES)
def test_bypass(stack, name):
    target = BYPASSES[name].format(port=stack.upstream_port)
    refused(stack, target.encode().decode("latin-1"))


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_host(stack, kind):
    refused(stack, stack.path(FOREIGN[kind], "/x"))


def test_raw_control_bytes(stack):
    for byte in ("\t", "\x01", "\x7f", " "):
        refused(stack, f"/good.skype.com{byte}/x")


def test_host_header_chooses_nothing(stack):
    """The Host header picks neither upstream nor another server."""
    before = stack.accepts()
    for host in ("evil.example.com", "good.skype.com", "127.0.0.1"):
        answer = stack.ask("GET", stack.path("good.skype.com", "/x"),
                           host=host)
        assert answer.status in (400, 421), answer
    assert stack.accepts() == before


def test_methods(stack):
    path = stack.path("good.skype.com", "/method")
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE",
                   "OPTIONS"):
        answer = stack.ask(method, path, wish={"body": "x"})
        assert answer.status == 200, (method, answer)
        assert stack.last("good.skype.com").method == method
    before = stack.accepts()
    for method in ("TRACE", "CONNECT", "TRACK", "PROPFIND", "get", "G3T"):
        answer = stack.ask(method, path)
        assert answer is None or 400 <= answer.status < 500, (method, answer)
    assert stack.accepts() == before


def test_allowed_hosts_reach_their_own_upstream(stack):
    for host in ("good.skype.com", "second.teams.microsoft.com"):
        answer = stack.ask("GET", stack.path(host, "/v1/users?x=1"),
                           [("Authorization", "Bearer token")])
        assert answer.status == 200, answer
        request = stack.last(host)
        assert request.target == "/v1/users?x=1"
        assert request.all("Authorization") == ["Bearer token"]
        assert request.all("Host")[0].split(":")[0] == host
    assert set(UPSTREAMS) >= {"good.skype.com"}


@pytest.mark.ours
def test_deny_comes_before_allow(stack):
    """.skype.com is allowed, and so is this name's parent; a local deny of
    the one name wins, and so does a suffix denied over a name allowed."""
    etc = stack.root / "etc/nginx/turnpike-proxy/map"
    assert "*.skype.com" in (etc / "allowed.map").read_text()
    assert "*.cloudapp.azure.com 1;" in (etc / "denied.map").read_text()
