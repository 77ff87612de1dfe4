"""Binding requests, answered without state (RFC 8489 sections 6, 7, 14)."""

import pytest

import stun


def test_mapped_address(daemon, client):
    c = client(daemon())
    answer = c.exchange(stun.encode(stun.BINDING))
    assert answer.cls == stun.SUCCESS
    assert answer.mapped == c.address


@pytest.mark.turnpike
def test_nothing_but_the_mapped_address(daemon, client):
    """No SOFTWARE, no RESPONSE-ORIGIN: what is not asked for only feeds
    reflection. In IP bytes the answer is at most 1.3 x the request."""
    c = client(daemon())
    request = stun.encode(stun.BINDING)
    answer = c.exchange(request)
    assert [kind for kind, _ in answer.attrs] == [stun.XOR_MAPPED_ADDRESS]
    assert len(answer.raw) + 28 <= 1.3 * (len(request) + 28)


@pytest.mark.turnpike
def test_fingerprint_only_where_the_request_has_one(daemon, client):
    c = client(daemon())
    with_one = c.exchange(stun.add_fingerprint(stun.encode(stun.BINDING)))
    without = c.exchange(stun.encode(stun.BINDING))
    assert with_one.fingerprinted
    assert not without.has(stun.FINGERPRINT)


@pytest.mark.turnpike
def test_wrong_fingerprint_is_dropped(daemon, client):
    c = client(daemon())
    request = stun.add_fingerprint(stun.encode(stun.BINDING))
    c.raw(request[:-1] + bytes([request[-1] ^ 1]))
    c.answered_only()


@pytest.mark.turnpike
def test_unknown_required_attributes_are_listed(daemon, client):
    c = client(daemon())
    answer = c.exchange(stun.encode(stun.BINDING, attrs=[
        (0x7FF0, b"x"), (0x0031, b""), (0x8FFF, b"optional")]))
    assert answer.error == 420
    assert answer.unknown == [0x7FF0, 0x0031]
    assert answer.reason == ""


def test_unknown_optional_attributes_are_ignored(daemon, client):
    c = client(daemon())
    attrs = [(kind, b"abcde") for kind in stun.MICROSOFT]
    answer = c.exchange(stun.encode(stun.BINDING, attrs=attrs))
    assert answer.mapped == c.address


def test_credentials_are_not_needed_and_not_looked_at(daemon, client):
    """RFC 8489 allows a server not to authenticate Binding; clients send
    what they have."""
    c = client(daemon(), password="wrong")
    c.get_challenge()
    answer = c.exchange(c.build(stun.BINDING))
    assert answer.mapped == c.address


@pytest.mark.turnpike
def test_indications_and_responses_have_no_answer(daemon, client):
    c = client(daemon())
    for cls in (stun.INDICATION, stun.SUCCESS, stun.ERROR):
        c.raw(stun.encode(stun.BINDING, cls))
    c.answered_only()


def test_two_clients_are_told_apart(daemon, client):
    server = daemon()
    a, b = client(server), client(server, bind=("127.0.0.2", 0))
    assert a.exchange(stun.encode(stun.BINDING)).mapped == a.address
    assert b.exchange(stun.encode(stun.BINDING)).mapped == b.address


@pytest.mark.turnpike
def test_without_cookie_is_not_stun(daemon, client):
    """RFC 3489 clients are not served: RFC 8656 section 5 uses no
    backwards compatibility."""
    c = client(daemon())
    request = stun.encode(stun.BINDING)
    c.raw(request[:4] + b"\0\0\0\0" + request[8:])
    c.answered_only()
