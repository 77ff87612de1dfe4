"""N13, N14, N20: logs hold who, when, which host and how it came out, no
secret; refused names are counted."""

import os
import re
import stat
import subprocess

import pytest

CANARIES = {name: f"canary{name}{os.getpid()}" for name in
            ("query", "header", "cookie", "path", "body")}


def ask_with_canaries(stack, upstream, method="POST", **how):
    canary = CANARIES
    return stack.ask(
        method, stack.path(upstream, f"/{canary['path']}?t={canary['query']}"),
        [("Authorization", f"Bearer {canary['header']}"),
         ("Cookie", f"c={canary['cookie']}"),
         ("Referer", f"https://x/{canary['header']}"),
         ("User-Agent", canary["header"])],
        canary["body"].encode(), **how)


def test_no_secret_in_any_log(stack):
    for host in ("good.skype.com", "evil.example.com", "closed.skype.com",
                 "nowhere.skype.com", "self-signed.skype.com",
                 "plain.skype.com"):
        ask_with_canaries(stack, host)
    ask_with_canaries(stack, "good.skype.com", method="TRACE")
    ask_with_canaries(stack, "GOOD.skype.com")
    ask_with_canaries(stack, "good.skype.com", host="other.example")
    ask_with_canaries(stack, "good.skype.com", wish={
        "status": 302, "headers": [
            ("Location", f"/x?{CANARIES['query']}")]})
    with stack.client() as client:
        client.send(f"GET /{CANARIES['path']} HTTP/1.1\r\nHost: a b\r\n"
                    f"X: {CANARIES['header']}\r\n\r\n".encode())
        client.answer()
    with stack.client() as client:
        client.send(f"POST {stack.path('good.skype.com', '/x')}?"
                    f"{CANARIES['query']} HTTP/1.1\r\n"
                    "Host: proxy.example.org\r\nContent-Length: 1000\r\n\r\n"
                    f"{CANARIES['body']}".encode())
    text = stack.log_text()
    assert [name for name, canary in CANARIES.items() if canary in text] == []


def test_no_body_on_disk(stack):
    """Bodies stream; none waits in a temporary file."""
    answer = stack.ask("POST", stack.path("good.skype.com", "/x"),
                       body=b"x" * 900000, wish={"body": "y", "times": 900000})
    assert (answer.status, len(answer.body)) == (200, 900000)
    if stack.config == "turnpike":
        folder = stack.root / "var/lib/nginx"
        # Names of temporary files are numbered: none was ever made.
        assert [file for file in folder.rglob("*") if file.is_file()] == []
        assert [file for file in folder.rglob("*")
                if file.is_dir() and file.parent != folder] == []


@pytest.mark.ours
def test_access_line(stack):
    source = stack.source()
    answer = stack.ask("GET", stack.path("good.skype.com", "/x?y"),
                       source=source)
    line = stack.access_line(answer.get("X-Turnpike-Request-Id"))
    assert re.fullmatch(
        rf"time=\S+ client={re.escape(source)} method=GET "
        r'host=good\.skype\.com status=200 upstream_status="200" '
        r'seconds=[0-9.]+ upstream_seconds="[0-9.]+" '
        r"bytes_in=[0-9]+ bytes_out=[0-9]+ id=[0-9a-f]{32}", line), line


@pytest.mark.ours
def test_odd_requests_leave_no_name(stack):
    source = stack.source()
    stack.ask("BREW", "/SECRET.example.com/x", source=source)
    line = stack.access_line(f"client={source} ")
    assert "method=- host=- status=405" in line


@pytest.mark.ours
def test_modes(stack):
    folder = stack.root / "var/log/turnpike-proxy"
    mode = lambda path: stat.S_IMODE(path.stat().st_mode)
    assert mode(folder) == 0o750
    assert mode(folder / "error.log") == 0o600
    assert mode(folder / "access.log") == 0o640


@pytest.mark.ours
def test_refused_names_are_counted(stack):
    for _ in range(3):
        stack.ask("GET", "/learn-three.example.com/x?secret=1")
    stack.ask("GET", "/learn-one.example.com/x")
    stack.ask("GET", "/learn-one.cloudapp.azure.com/x")
    stack.ask("GET", "/Learn-Secret.example.com/x")
    stack.ask("GET", stack.path("good.skype.com", "/learn"))
    stack.access_line(stack.ask("GET", "/").get("X-Turnpike-Request-Id"))
    done = subprocess.run(stack.setup_command("--refused", "500"),
                          capture_output=True, text=True)
    assert done.returncode == 0
    found = {line.split()[3]: line.split() for line in
             done.stdout.splitlines() if re.match(r" +[0-9]+ ", line)}
    assert found["learn-three.example.com"][0] == "3"
    assert found["learn-three.example.com"][2] == "unknown"
    assert found["learn-one.example.com"][0] == "1"
    assert found["learn-one.cloudapp.azure.com"][2] == "denied"
    assert "good.skype.com" not in found
    assert "ecret" not in done.stdout
    assert "allow NAME" in done.stdout
    # Counted, not allowed.
    assert stack.ask("GET", "/learn-three.example.com/x").status == 403


@pytest.mark.ours
def test_refused_names_are_limited(stack):
    done = subprocess.run(stack.setup_command("--refused", "1"),
                          capture_output=True, text=True)
    assert len(re.findall(r"^ +[0-9]+ ", done.stdout, re.M)) == 1
