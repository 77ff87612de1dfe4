"""N4: a token goes only to who proves to be the host that was asked for."""

import pytest


@pytest.mark.parametrize("host", ["good", "tls12", "tls13"])
def test_good_upstream(stack, host):
    answer = stack.ask("GET", stack.path(f"{host}.skype.com", "/x"))
    assert answer.status == 200, answer


@pytest.mark.parametrize("host", [
    "wrong-name", "self-signed", "expired", "unknown-ca", "plain"])
def test_bad_upstream(stack, host):
    before = len(stack.upstreams[f"{host}.skype.com"].requests)
    answer = stack.ask("GET", stack.path(f"{host}.skype.com", "/x"),
                       [("Authorization", "Bearer token")])
    assert answer.status == 502, answer
    assert len(stack.upstreams[f"{host}.skype.com"].requests) == before


def test_unreachable_upstream(stack):
    for host in ("closed.skype.com", "nowhere.skype.com"):
        answer = stack.ask("GET", stack.path(host, "/x"))
        assert answer.status == 502, (host, answer)
