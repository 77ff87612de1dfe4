"""N5: a redirect is never followed here; the client stays on the proxy, or is
sent where the proxy refuses it."""

import pytest

from stack import METADATA, NAME

CODES = (301, 302, 303, 307, 308)
OTHER = "second.teams.microsoft.com"


def redirect(stack, code, location, method="GET", headers=()):
    """Asks good.skype.com for a redirect; its answer, which must be all that
    happened."""
    before = stack.accepts()
    wish = {"status": code, "body": "moved",
            "headers": [] if location is None else [("Location", location)]}
    answer = stack.ask(
        method, stack.path("good.skype.com", "/dir/page"),
        [("Authorization", "Bearer token"), *headers], wish=wish)
    assert answer.status == code, answer
    assert answer.body == b"moved"
    assert stack.accepts() == before + 1, "somebody else was asked"
    return answer


def own(stack):
    return f"https://{NAME}:{stack.port}"


def ask_again(stack, location):
    """As the client goes on: the proxy's answer to the Location."""
    assert location.startswith(own(stack) + "/"), location
    return stack.ask("GET", location[len(own(stack)):], wish={"body": "new"})


def ask_with_port(stack, host):
    return f"{own(stack)}:{stack.port}/x"


@pytest.fixture(autouse=True)
def host_with_port(stack, monkeypatch):
    """As a browser does, the port stands in Host."""
    ask = stack.ask
    monkeypatch.setattr(
        stack, "ask", lambda *rest, **how: ask(
            *rest, **{"host": f"{NAME}:{stack.port}", **how}))


@pytest.mark.parametrize("code", CODES)
def test_to_allowed_host(stack, code):
    answer = redirect(stack, code, f"https://{OTHER}/new/place?q=%2F#part")
    assert answer.get("Location") == \
        f"{own(stack)}/{OTHER}/new/place?q=%2F#part"
    if stack.config == "turnpike":
        answer = ask_again(
            stack, answer.get("Location").split("#")[0])
        assert answer.body == b"new"
        assert stack.last(OTHER).target == "/new/place?q=%2F"


@pytest.mark.parametrize("code", CODES)
def test_to_same_host_by_path(stack, code):
    answer = redirect(stack, code, "/rel?x=1")
    assert answer.get("Location") == f"{own(stack)}/good.skype.com/rel?x=1"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("to", [
    "https://evil.example.com/x", "https://user@evil.example.com/x",
    "https://good.skype.com:22/x", "https://good.skype.com@evil.example.com/",
    "//evil.example.com/x", "HTTPS://Evil.Example.Com/x",
    "https://evil.example.com", "https://evil.example.com?x",
    "https://good.skype.com:443@evil.example.com/x", "https://[::1]/x",
])
def test_to_foreign_host(stack, code, to):
    location = redirect(stack, code, to).get("Location")
    before = stack.accepts()
    answer = ask_again(stack, location)
    assert answer.status in (400, 403), answer
    assert stack.accepts() == before


@pytest.mark.parametrize("code", CODES)
def test_to_address_by_http(stack, code):
    """The cloud's metadata service, by a stand-in."""
    answer = redirect(stack, code,
                      f"http://{METADATA}:{stack.upstream_port}/latest",
                      headers=[("Metadata", "true")])
    if answer.get("Location"):
        assert ask_again(stack, answer.get("Location")).status == 403
    assert not stack.upstreams["metadata.example.com"].requests


@pytest.mark.parametrize("code", CODES)
def test_without_location(stack, code):
    assert redirect(stack, code, None).get("Location") is None


@pytest.mark.parametrize("to", [
    "\\\\evil.example.com/x", "/\\evil.example.com/x", "\\/evil.example.com",
    "https:\\\\evil.example.com/x", "https:/evil.example.com/x",
    "https:evil.example.com/x", "h\tttps://evil.example.com/x",
    "javascript:alert(1)", "data:text/html,x", "foo:good.skype.com/x",
    "\tevil", "/a b",
])
def test_to_what_browsers_read_differently(stack, to):
    assert redirect(stack, 302, to).get("Location") is None


@pytest.mark.parametrize("to", ["other", "?x=1", "../up", "./a:b", "a/b:c"])
def test_relative_to_the_path(stack, to):
    """Resolved by the client, against an address of the proxy."""
    assert redirect(stack, 302, to).get("Location") == to


@pytest.mark.parametrize("to,want", [
    (f"http://{OTHER}/x", f"/{OTHER}/x"),
    (f"https://{OTHER}:443/x", f"/{OTHER}/x"),
    (f"https://{OTHER}", f"/{OTHER}/"),
    (f"https://{OTHER}?x=1", f"/{OTHER}/?x=1"),
    (f"//{OTHER}/x", f"/{OTHER}/x"),
    (f"HTTPS://{OTHER}/x", f"/{OTHER}/x"),
])
def test_forms_of_an_allowed_host(stack, to, want):
    assert redirect(stack, 302, to).get("Location") == own(stack) + want


def test_method_and_body_are_not_replayed(stack):
    answer = redirect(stack, 307, f"https://{OTHER}/x", method="POST")
    assert answer.get("Location") == f"{own(stack)}/{OTHER}/x"


def test_location_of_created_is_data(stack):
    """201 names what was made; nobody follows it, and the SDK reads it."""
    wish = {"status": 201, "body": "", "headers": [
        ("Location", f"https://{OTHER}/v1/things/7")]}
    answer = stack.ask("POST", stack.path("good.skype.com", "/v1/things"),
                       wish=wish)
    assert answer.get("Location") == f"https://{OTHER}/v1/things/7"


def test_host_header_in_location_is_ours(stack):
    """A strange port in Host does not get into Location."""
    wish = {"status": 302, "body": "", "headers": [("Location", "/x")]}
    answer = stack.ask("GET", stack.path("good.skype.com", "/y"),
                       host=f"{NAME}:12x\"", wish=wish)
    if answer.status == 302:
        assert answer.get("Location") == \
            f"https://{NAME}/good.skype.com/x"


@pytest.mark.parametrize("header", ["X-Accel-Redirect"])
def test_upstream_cannot_redirect_inside(stack, header):
    """X-Accel-Redirect would have nginx serve another location."""
    wish = {"body": "kept", "headers": [(header, "/forward"),
                                        (header, "/websocket")]}
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"), wish=wish)
    assert (answer.status, answer.body) == (200, b"kept")
