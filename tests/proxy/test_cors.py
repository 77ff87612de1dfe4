"""N8: upstream's own rules win; where it has none, a listed page gets through,
on errors of nginx too; never a star with credentials."""

import pytest

LISTED = "https://app.example.com"
UNLISTED = "https://evil.example.org"

# status: (host, path, headers, body) that make nginx itself answer so.
OWN_ERRORS = {
    403: ("evil.example.com", "/x", (), b""),
    413: ("good.skype.com", "/x", (), b"x" * 1200000),
    504: ("silent.skype.com", "/x", (), b""),
    502: ("self-signed.skype.com", "/x", (), b""),
}


def cors(answer):
    return (answer.get("Access-Control-Allow-Origin"),
            answer.get("Access-Control-Allow-Credentials"))


def ask(stack, origin, wish, method="GET", headers=()):
    return stack.ask(method, stack.path("good.skype.com", "/x"),
                     [*([("Origin", origin)] if origin else []), *headers],
                     wish=wish)


@pytest.mark.parametrize("origin", [LISTED, UNLISTED, None])
@pytest.mark.parametrize("status", [200, 400, 404, 429, 500, 503])
def test_upstream_wins(stack, origin, status):
    wish = {"status": status, "body": "x", "headers": [
        ("Access-Control-Allow-Origin", "https://theirs.example")]}
    answer = ask(stack, origin, wish)
    assert answer.status == status
    assert cors(answer) == ("https://theirs.example", None)
    assert answer.get("Vary") is None


@pytest.mark.parametrize("origin", [LISTED, UNLISTED, None])
def test_upstream_star_stays_alone(stack, origin):
    wish = {"body": "x", "headers": [("Access-Control-Allow-Origin", "*")]}
    assert cors(ask(stack, origin, wish)) == ("*", None)


@pytest.mark.parametrize("status", [200, 204, 400, 404, 429, 500])
def test_upstream_says_nothing(stack, status):
    wish = {"status": status, "body": ""}
    answer = ask(stack, LISTED, wish)
    assert answer.status == status
    assert cors(answer) == (LISTED, "true")
    assert "Origin" in answer.get("Vary")
    for origin in (UNLISTED, None, "null", LISTED + ".evil.example",
                   LISTED + ":8443", "http://app.example.com"):
        answer = ask(stack, origin, wish)
        assert cors(answer) == (None, None), origin
        assert "Origin" in answer.get("Vary")


def test_upstream_sends_credentials_only(stack):
    """Then true is not said twice: browsers refuse `true, true`."""
    wish = {"body": "", "headers": [
        ("Access-Control-Allow-Credentials", "true")]}
    assert cors(ask(stack, LISTED, wish)) == (LISTED, "true")


@pytest.mark.parametrize("status", OWN_ERRORS)
def test_errors_of_the_proxy(stack, status):
    host, path, headers, body = OWN_ERRORS[status]
    for origin, want in ((LISTED, (LISTED, "true")), (UNLISTED, (None, None))):
        answer = stack.ask("POST" if body else "GET", stack.path(host, path),
                           [("Origin", origin), *headers], body)
        assert answer.status == status
        assert cors(answer) == want
        assert "Origin" in answer.get("Vary")


def test_errors_of_limits(stack):
    source = stack.source()
    answers = []
    with stack.client(source) as client:
        for _ in range(160):
            answers.append(client.ask("GET", "/refused.example.com/",
                                      [("Origin", LISTED)]))
    limited = [answer for answer in answers if answer.status == 429]
    assert limited
    assert all(cors(answer) == (LISTED, "true") for answer in limited)


def preflight(stack, origin, method, host="good.skype.com",
              headers="authorization, x-ms-client-request-id"):
    return stack.ask("OPTIONS", stack.path(host, "/x"), [
        ("Origin", origin), ("Access-Control-Request-Method", method),
        ("Access-Control-Request-Headers", headers)], wish={
            "status": 200, "body": "", "headers": [
                ("Access-Control-Allow-Origin", "https://theirs.example"),
                ("Access-Control-Allow-Methods", "PURGE")]})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_preflight_of_listed_page(stack, method):
    before = stack.accepts()
    answer = preflight(stack, LISTED, method)
    assert answer.status == 204
    assert cors(answer) == (LISTED, "true")
    assert method in answer.get("Access-Control-Allow-Methods").split(", ")
    assert answer.get("Access-Control-Allow-Headers") == \
        "authorization, x-ms-client-request-id"
    assert int(answer.get("Access-Control-Max-Age")) > 0
    assert stack.accepts() == before


def test_preflight_of_other_page_is_upstreams(stack):
    answer = preflight(stack, UNLISTED, "PUT")
    assert answer.status == 200
    assert cors(answer) == ("https://theirs.example", None)
    assert answer.get("Access-Control-Allow-Methods") == "PURGE"


def test_preflight_of_refused_host(stack):
    before = stack.accepts()
    answer = preflight(stack, LISTED, "GET", "evil.example.com")
    assert answer.status == 403
    assert stack.accepts() == before


def test_preflight_with_hostile_headers(stack):
    answer = preflight(stack, LISTED, "GET", headers="x<y>")
    assert answer.status == 204
    assert answer.get("Access-Control-Allow-Headers") is None


def test_options_without_preflight_is_upstreams(stack):
    answer = ask(stack, LISTED, {"status": 200, "body": "",
                                 "headers": [("Allow", "GET, PURGE")]},
                 "OPTIONS")
    assert answer.get("Allow") == "GET, PURGE"
