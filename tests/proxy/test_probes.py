"""P1 to P24: the comparison behaves as was measured on the tutorial's sample.
Nothing here is wanted; it is what the rest of the suite is held against."""

import ssl
import time

import pytest

from stack import CLOSED, METADATA, NAME

pytestmark = pytest.mark.compared

GOOD = "good.skype.com"
OTHER = "second.teams.microsoft.com"


def answer_of(stack, wish, method="GET", headers=(), body=b"", host=GOOD):
    return stack.ask(method, stack.path(host, "/dir/x"),
                     [("Authorization", "Bearer token"), *headers], body,
                     wish=wish)


def redirect(stack, code, to, **how):
    return answer_of(stack, {"status": code, "body": "moved",
                             "headers": [("Location", to)]}, **how)


def test_p01_plain_request(stack):
    answer = stack.ask("GET", stack.path(GOOD, "/v1/users?x=1"), [
        ("Authorization", "Bearer token"), ("Proxy", "x"),
        ("X-Forwarded-For", "1.2.3.4")])
    assert answer.status == 200
    request = stack.last(GOOD)
    assert request.target == "/v1/users?x=1"
    assert request.all("Host") == [f"{GOOD}:{stack.upstream_port}"]
    assert request.get("Authorization") == "Bearer token"
    assert request.get("Proxy") is None
    assert request.get("X-Forwarded-For").startswith("1.2.3.4, 127.88.")
    assert stack.ask("GET", stack.path("tls12.skype.com")).status == 200


def test_p02_options_is_answered_here(stack):
    before = stack.accepts()
    answer = stack.ask("OPTIONS", "/any.example.com/x")
    assert answer.status == 204
    assert answer.get("Access-Control-Allow-Origin") == "*"
    assert answer.get("Access-Control-Allow-Credentials") == "true"
    assert answer.get("Access-Control-Allow-Methods") == "GET, POST, OPTIONS"
    assert stack.accepts() == before


def test_p03_certificate_is_not_checked(stack):
    for host in ("self-signed.skype.com", "wrong-name.skype.com"):
        assert answer_of(stack, {"body": "x"}, host=host).status == 200
        assert stack.last(host).get("Authorization") == "Bearer token"


def test_p04_tls13_only(stack):
    assert answer_of(stack, {}, host="tls13.skype.com").status == 502


def test_p05_net_name_on_loopback(stack):
    assert answer_of(stack, {}, host="evil.example.net").status == 200


def test_p06_address_by_escaped_slash(stack):
    answer = stack.ask(
        "GET", f"/127.77.0.13:{stack.upstream_port}%2f.com/secret",
        [("Authorization", "Bearer token")])
    assert answer.status == 200
    assert stack.last("evil.example.com").get("Authorization") == \
        "Bearer token"


@pytest.mark.parametrize("code", [301, 302, 307])
def test_p07_redirect_is_followed_here(stack, code):
    answer = redirect(stack, code,
                      f"https://{OTHER}:{stack.upstream_port}/new",
                      method="POST", body=b"body")
    assert answer.status in (200, code)
    assert answer.get("X-DBUG-MSG") == "301"
    request = stack.last(OTHER)
    assert (request.method, request.body) == ("POST", b"body")
    assert request.get("Authorization") == "Bearer token"


def test_p08_metadata_by_http(stack):
    """By a stand-in on loopback, never the real address."""
    answer = stack.ask(
        "GET", stack.path("evil.example.com", "/x"), [("Metadata", "true")],
        wish={"status": 302, "body": "", "headers": [
            ("Location",
             f"http://{METADATA}:{stack.upstream_port}/latest/meta-data")]})
    request = stack.last("metadata.example.com")
    assert answer.get("X-DBUG-MSG") == "301"
    assert request.target == "/latest/meta-data"
    assert request.get("Metadata") == "true"
    assert request.get("X-Forwarded-For") is None


def test_p09_other_codes_are_not_followed(stack):
    own = f"https://{GOOD}:{stack.upstream_port}/new"
    answer = redirect(stack, 308, own)
    assert answer.get("Location") == \
        f"https://{NAME}/{GOOD}:{stack.upstream_port}/new"
    for code in (303, 308):
        answer = redirect(stack, code, f"https://{OTHER}/new")
        assert answer.get("Location") == f"https://{OTHER}/new"


def test_p10_second_hop_is_raw(stack):
    to = f"https://{OTHER}:{stack.upstream_port}/again"
    answer = redirect(stack, 302, to)
    assert answer.status == 302
    assert answer.get("Location") == to


def test_p11_relative_redirect(stack):
    assert redirect(stack, 302, "/rel").status == 500


@pytest.mark.parametrize("status", [400, 405])
def test_p12_error_is_masked(stack, status):
    answer = answer_of(stack, {"status": status, "body": "why"})
    assert answer.status == 404
    assert b"nginx" in answer.body and b"why" not in answer.body


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_p13_other_errors_pass(stack, status):
    answer = answer_of(stack, {"status": status, "body": "why"})
    assert (answer.status, answer.body) == (status, b"why")
    answer = stack.ask("POST", stack.path(GOOD), body=b"x" * 2000000)
    assert answer.status == 413
    assert answer.get("Access-Control-Allow-Origin") is None


def test_p14_no_cors_on_answers(stack):
    answer = answer_of(stack, {"body": "x"},
                       headers=[("Origin", "https://app.example.com")])
    assert answer.get("Access-Control-Allow-Origin") is None


@pytest.mark.last
def test_p15_websocket_is_cut(slow):
    seconds, message = slow.result("idle_websocket")
    assert 59 < seconds < 62 and message is None


def test_p16_path_is_mangled(stack):
    for target, want in (("/a%2Fb%20c%3Fd", "/a/b%2520c%253Fd"),
                         ("/a//b", "/a/b"), ("/a/../b", "/b")):
        stack.ask("GET", stack.path(GOOD, target), wish={"body": "x"})
        assert stack.last(GOOD).target == want


def test_p17_no_tls13_with_clients(stack):
    with pytest.raises((ssl.SSLError, OSError)):
        stack.client(least=ssl.TLSVersion.TLSv1_3)
    stack.client(most=ssl.TLSVersion.TLSv1_2).close()


def test_p18_size_limits(stack):
    path = stack.path(GOOD)
    assert stack.ask("POST", path, body=b"x" * 2000000).status == 413
    assert stack.ask("GET", path, [("X", "x" * 9000)]).status == 400


def test_p19_through_itself(stack):
    answer = stack.ask("GET", f"/loop.skype.com:{stack.port}" * 3
                       + stack.path(GOOD, "/loop"))
    assert answer.status == 200
    assert stack.last(GOOD).target == "/loop"


def test_p20_port_scan(stack):
    begin = time.monotonic()
    answer = stack.ask(
        "GET", f"/{CLOSED}:{stack.upstream_port}%2f.com/x")
    assert answer.status == 502
    answer = stack.ask(
        "GET", f"/127.77.0.13:{stack.upstream_port}%2f.com/x")
    assert answer.status == 200
    assert time.monotonic() - begin < 3


def test_p21_token_in_logs(stack):
    stack.ask("GET", stack.path(GOOD, "/x?token=canary-p21"))
    stack.ask("GET", stack.path("closed.skype.com", "/x?token=canary-p21"))
    text = stack.log_text()
    assert text.count("canary-p21") >= 3


def test_p22_default_page(stack):
    answer = stack.ask("GET", "/")
    assert answer.status == 200 and b"Welcome to nginx" in answer.body


@pytest.mark.last
def test_p23_dribble_is_held(slow):
    assert 58 < slow.result("header_dribble") < 70


def test_p23_more_connections_than_descriptors(stack):
    assert "exceed open file resource limit" in stack.log_text() or \
        "worker_connections 65535" in \
        (stack.root / "etc/nginx/nginx.conf").read_text()


def test_p24_user_in_host(stack):
    stack.ask("GET", f"/user@{GOOD}:{stack.upstream_port}/x",
              wish={"body": "x"})
    assert stack.last(GOOD).all("Host") == [
        f"user@{GOOD}:{stack.upstream_port}"]
