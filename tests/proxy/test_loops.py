"""N17: the proxy does not ask itself, nor another of its kind twice."""

import pytest

from stack import NAME, wait_for


def test_own_name_is_refused(stack):
    before = len(stack.access_lines())
    port = f":{stack.port}" if stack.config == "comparison" else ""
    answer = stack.ask("GET", f"/{NAME}{port}" * 3
                       + stack.path("good.skype.com", "/x"))
    assert answer.status == 403
    # Its line comes after the answer.
    wait_for(lambda: len(stack.access_lines()) > before, "a line in the log")
    assert len(stack.access_lines()) == before + 1


@pytest.mark.ours
def test_marked_request_is_a_loop(stack):
    stack.ask("GET", stack.path("good.skype.com", "/x"))
    request = stack.last("good.skype.com")
    marks = request.all("X-Turnpike-Request-Id")
    assert len(marks) == 1
    before = stack.accepts()
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"),
                       [("X-Turnpike-Request-Id", marks[0])])
    assert answer.status == 508
    assert stack.accepts() == before


@pytest.mark.ours
def test_request_id_leads_to_the_log(stack):
    answer = stack.ask("GET", stack.path("good.skype.com", "/x"))
    mark = answer.get("X-Turnpike-Request-Id")
    assert stack.last("good.skype.com").get("X-Turnpike-Request-Id") == mark
    line = stack.access_line(f"id={mark}")
    assert "host=good.skype.com status=200" in line


def test_name_that_leads_to_the_proxy(stack):
    """By DNS: its certificate is not that of the host, so no request."""
    port = f":{stack.port}" if stack.config == "comparison" else ""
    answer = stack.ask("GET", f"/loop.skype.com{port}/good.skype.com/x")
    assert answer.status == 502
