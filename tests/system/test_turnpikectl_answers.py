"""turnpikectl and answers that turnpiked does not give: cut, late, hostile,
of another program. The other end is a stand-in."""

import json
import os
import socket

import pytest

import ctl
import ctl_stand_in

pytestmark = pytest.mark.turnpike

SERVER = {
    "version": "9.9.9", "uptime_s": 90, "pid": 1, "state": "serving",
    "ready": True, "not_ready": None, "realms": [],
    "listeners": [{"transport": "udp", "address": "192.0.2.1", "port": 3478,
                   "realm": "r"}],
    "relay": {"address": "192.0.2.1", "advertise": "192.0.2.1",
              "advertise_source": "file", "first_port": 1, "last_port": 2,
              "ports_used": 0, "ports": 2},
    "allocations": {"living": 0, "max": 9, "begun": 0}, "workers": 1,
    "users": {"config": 0, "file": 0}, "secrets": 0, "traffic": {},
    "redis": None, "restart_pending": [], "drain": None,
}

# Every command that asks, with what it needs.
COMMANDS = [
    ["status"], ["top"], ["sessions"], ["sessions", "1"], ["kill", "1"],
    ["kill", "--user", "a"], ["why", "a"], ["usage"], ["user", "list"],
    ["user", "add", "a"], ["user", "passwd", "a"], ["user", "del", "a"],
    ["credential"], ["reload"], ["drain"], ["drain", "--end"],
    ["drain", "--show"],
]


@pytest.fixture
def stand_in(folder):
    made = []

    def make(answer):
        made.append(ctl_stand_in.Control(folder, answer))
        return made[-1]

    yield make
    for c in made:
        c.close()


def ask(stand_in, *arguments, **how):
    return ctl.run(*arguments, "--socket", stand_in.path,
                   given=b"password\n", **how)


def session(number, user="alice", to_peer=0):
    return {"id": f"1-{number}", "user": user, "realm": "r",
            "client": f"198.51.100.1:{number}", "listener": "192.0.2.1:3478",
            "relayed": f"192.0.2.1:{50000 + number}", "source": "config",
            "began": "2026-11-25T17:00:00Z", "expires": "2026-11-25T17:10:00Z",
            "permissions": 1, "channels": 1,
            "to_peer": {"packets": 1, "bytes": to_peer},
            "to_client": {"packets": 1, "bytes": 1}}


def sessions(*list_):
    return {"sessions": list(list_), "total": len(list_),
            "matched": len(list_)}


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_nobody_answers(folder, arguments):
    path = os.path.join(folder.path, "none.sock")
    result = ctl.run(*arguments, "--socket", path, given=b"password\n",
                     expect=ctl.UNAVAILABLE)
    assert "systemctl status turnpiked" in result.err
    assert result.out == ""


def test_nobody_listens(folder):
    """A socket that a server has left behind."""
    path = os.path.join(folder.path, "left.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    result = ctl.run("status", "--socket", path, expect=ctl.UNAVAILABLE)
    assert path in result.err


@pytest.mark.parametrize("text, status", [
    (b"", ctl.UNAVAILABLE),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{", ctl.PROTOCOL),
    (b"SSH-2.0-OpenSSH_9.2\r\n", ctl.PROTOCOL),
    (ctl_stand_in.answer("<html>", kind="text/html"), ctl.PROTOCOL),
    (ctl_stand_in.answer("{"), ctl.PROTOCOL),
    (ctl_stand_in.answer("[]"), ctl.PROTOCOL),
    (ctl_stand_in.answer("null"), ctl.PROTOCOL),
    (ctl_stand_in.answer('{"a": 1, "a": 2}'), ctl.PROTOCOL),
    (b"HTTP/1.1 204 No Content\r\n\r\n", ctl.PROTOCOL),
    (b"HTTP/1.1 200 OK\r\nX: " + 20000 * b"a", ctl.PROTOCOL),
])
def test_answers_that_are_none(stand_in, text, status):
    result = ask(stand_in(text), "status", expect=status)
    assert result.out == "" and result.err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["status"], ["sessions"], ["usage"],
                                       ["user", "list"], ["top"], ["why", "a"],
                                       ["credential"], ["reload"]],
                         ids=" ".join)
@pytest.mark.parametrize("text", [
    "{}", '{"sessions": 5, "users": "x", "refusals": {}, "relay": []}',
    '{"sessions": [5, null, {}], "users": [5, null], "refusals": [null]}'])
def test_answers_of_another_shape(stand_in, arguments, text):
    """Nothing is assumed to be there."""
    result = ask(stand_in(ctl_stand_in.answer(text)), *arguments, expect=None)
    assert result.status in (ctl.OK, ctl.FAILED, ctl.PROTOCOL)


@pytest.mark.parametrize("code, status", [
    ("400 Bad Request", ctl.DATA), ("401 Unauthorized", ctl.REFUSED),
    ("403 Forbidden", ctl.REFUSED), ("404 Not Found", ctl.FAILED),
    ("409 Conflict", ctl.FAILED), ("422 Unprocessable Content", ctl.CONFIG),
    ("503 Service Unavailable", ctl.UNAVAILABLE),
])
def test_errors_have_a_status_and_a_remedy(stand_in, code, status):
    body = json.dumps({"error": {"code": "c", "message": "it is not so",
                                 "remedy": "make it so"}})
    server = stand_in(ctl_stand_in.answer(body, code))
    for arguments in COMMANDS:
        result = ask(server, *arguments, expect=status)
        assert "it is not so: make it so" in result.err
        assert result.out == ""
        result = ask(server, *arguments, "--json", expect=status)
        assert result.json["error"]["code"] == "c"


def test_errors_without_words(stand_in):
    server = stand_in(ctl_stand_in.answer("{}", "500 Internal Server Error"))
    assert "500" in ask(server, "status", expect=ctl.FAILED).err


def test_an_answer_that_does_not_come(stand_in):
    """Ten seconds, and no more."""
    server = stand_in(lambda request: None)
    result = ask(server, "kill", "1", expect=ctl.TIMEOUT, timeout_s=20)
    assert "does not answer" in result.err


HOSTILE = "\x1b]0;t\x07\u202e\u009b2J\nb\r\\"


def test_hostile_text_is_inert(stand_in):
    """Names of users are whatever clients send, in every column."""
    def answer(request):
        path = request.split(b" ")[1].decode()
        if path.startswith("/v1/sessions/"):
            return ctl_stand_in.answer(json.dumps(session(1, HOSTILE)))
        if path.startswith("/v1/sessions"):
            return ctl_stand_in.answer(json.dumps(sessions(session(1, HOSTILE))))
        if path.startswith("/v1/users"):
            return ctl_stand_in.answer(json.dumps({
                "users": [{"name": HOSTILE, "realm": HOSTILE}]}))
        if path.startswith("/v1/refusals"):
            return ctl_stand_in.answer(json.dumps({"refusals": [{
                name: HOSTILE for name in
                ("time", "client", "realm", "user", "cause", "text",
                 "option", "remedy")}], "total": 1}))
        if path.startswith("/v1/usage"):
            return ctl_stand_in.answer(json.dumps({
                "since": HOSTILE, "users": [{"user": HOSTILE,
                                             "realm": HOSTILE}]}))
        if path == "/v1/server":
            return ctl_stand_in.answer(json.dumps(dict(
                SERVER, version=HOSTILE, state=HOSTILE, ready=False,
                not_ready=HOSTILE, restart_pending=[HOSTILE],
                redis={"state": HOSTILE, "since": HOSTILE, "mode": HOSTILE,
                       "endpoint": HOSTILE},
                drain={"since": HOSTILE, "deadline": HOSTILE})))
        return ctl_stand_in.answer(json.dumps({"error": {
            "message": HOSTILE, "remedy": HOSTILE,
            "details": [{"file": HOSTILE, "line": 1, "text": HOSTILE}]}}),
            "422 Unprocessable Content")

    server = stand_in(answer)
    for arguments in COMMANDS + [["why", HOSTILE.replace("\0", "")]]:
        for more in ([], ["--json"]):
            result = ask(server, *arguments, *more, expect=None)
            for bad in "\x1b\x07\u202e\u009b\r":
                assert bad not in result.out + result.err, arguments


def test_what_is_asked_for(stand_in):
    """Names are encoded, not pasted, into paths and bodies."""
    server = stand_in(ctl_stand_in.answer('{"ended": 0}'))
    ask(server, "kill", "--user", "a/../b?c&d", "--realm", "r s",
        expect=ctl.FAILED)
    ask(server, "user", "del", "x/y")
    ask(server, "user", "passwd", "é")
    ask(server, "sessions", "..")
    lines = [r.split(b"\r\n")[0] for r in server.requests]
    assert lines == [
        b"DELETE /v1/sessions?user=a%2F..%2Fb%3Fc%26d&realm=r%20s HTTP/1.1",
        b"DELETE /v1/users/x%2Fy HTTP/1.1",
        b"POST /v1/users/%C3%A9/password HTTP/1.1",
        b"GET /v1/sessions/.. HTTP/1.1",
    ]
    assert server.requests[2].endswith(b'{"password":"password"}')
    for request in server.requests:
        assert b"\r\nHost: localhost\r\n" in request
        assert b"Authorization" not in request


def test_wrong_arguments(stand_in):
    server = stand_in(ctl_stand_in.answer("{}"))
    for arguments in (["kill"], ["kill", "1", "--user", "a"],
                      ["kill", "--realm", "r"], ["kill", "1", "2"],
                      ["drain", "--end", "--show"],
                      ["drain", "--deadline", "soon"],
                      ["drain", "--deadline", "0s"],
                      ["user", "add", "a", "--allocations", "many"],
                      ["credential", "--lifetime", "1w"],
                      ["credential", "--for", "toaster"],
                      ["credential", "--user", "a\x1bb"],
                      ["credential", "--user", ""],
                      ["completion", "fish"], ["user"], ["user", "fly"],
                      ["why"], ["status", "--url", "https://x/"],
                      ["status", "--url", "http://x:y/"],
                      ["status", "--url", "http://127.0.0.1:1/path"]):
        url = "--url" in arguments
        result = ctl.run(*arguments, *([] if url else
                                       ["--socket", server.path]),
                         given=b"password\n", expect=ctl.USAGE)
        assert result.out == "" and result.err
    assert server.requests == []


def test_passwords_that_cannot_be(stand_in):
    server = stand_in(ctl_stand_in.answer("{}"))
    for given in (b"", b"\n", 1025 * b"x" + b"\n", b"\xff\xfe\n"):
        ctl.run("user", "add", "a", "--socket", server.path, given=given,
                expect=ctl.DATA)
    assert server.requests == []


def test_the_longest_password(stand_in):
    server = stand_in(ctl_stand_in.answer("{}", "201 Created"))
    for given in (1024 * b"x", 1024 * b"x" + b"\nnext line\n",
                  1023 * b"x" + b"\r\n"):
        ctl.run("user", "add", "a", "--socket", server.path, given=given)
    bodies = [json.loads(r.partition(b"\r\n\r\n")[2])
              for r in server.requests]
    assert [len(body["password"]) for body in bodies] == [1024, 1024, 1023]


def test_a_terminal_is_asked_twice_without_echo(stand_in):
    server = stand_in(ctl_stand_in.answer("{}", "201 Created"))
    terminal = ctl.Terminal("user", "add", "a", "--socket", server.path)
    try:
        terminal.await_text("Password: ")
        terminal.await_echo(False)
        terminal.type("hush hush\n")
        terminal.await_text("again: ")
        terminal.type("hush hush\n")
        shown = terminal.wait()
        assert "hush" not in shown and "added" in shown
    finally:
        terminal.close()
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2]) == {
        "name": "a", "password": "hush hush"}


def test_two_passwords_that_differ(stand_in):
    server = stand_in(ctl_stand_in.answer("{}", "201 Created"))
    terminal = ctl.Terminal("user", "passwd", "a", "--socket", server.path)
    try:
        terminal.await_text("Password: ")
        terminal.type("one\n")
        terminal.await_text("again: ")
        terminal.type("two\n")
        assert "not the same" in terminal.wait(ctl.DATA)
    finally:
        terminal.close()
    assert server.requests == []


def test_an_interrupted_password_leaves_echo_on(stand_in):
    server = stand_in(ctl_stand_in.answer("{}", "201 Created"))
    terminal = ctl.Terminal("user", "add", "a", "--socket", server.path)
    try:
        terminal.await_text("Password: ")
        terminal.await_echo(False)
        terminal.type("half\x03")
        terminal.wait(expect=-2)
        assert terminal.echoes()
    finally:
        terminal.close()
    assert server.requests == []


class Traffic:
    """A server where session 2 has begun to send, more with each look."""

    def __init__(self):
        self.looks = 0

    def __call__(self, request):
        if b"/v1/server" in request:
            return ctl_stand_in.answer(json.dumps(SERVER))
        self.looks += 1
        return ctl_stand_in.answer(json.dumps(sessions(
            session(1, to_peer=5_000_000),
            session(2, "bob" + HOSTILE, to_peer=1_000_000 * self.looks))))


def test_top_shows_rates_and_ends_with_q(stand_in):
    server = stand_in(Traffic())
    terminal = ctl.Terminal("top", "--socket", server.path, columns=100)
    try:
        terminal.await_text("\x1b[?1049h")
        terminal.await_text("1-1")      # first by traffic so far
        terminal.await_text("1-2")
        screen = terminal.await_text("bit/s  ")
        assert "\x1b]0" not in screen and "\u202e" not in screen
        terminal.await_echo(False)
        terminal.type("q")
        rest = terminal.wait()
        assert rest.endswith("\x1b[?25h\x1b[?1049l")
        assert terminal.echoes()
    finally:
        terminal.close()
    assert server.answer.looks >= 2


def test_top_fits_the_terminal(stand_in):
    many = sessions(*[session(n, to_peer=n) for n in range(1, 500)])

    def answer(request):
        return ctl_stand_in.answer(json.dumps(
            SERVER if b"/v1/server" in request else many))

    server = stand_in(answer)
    terminal = ctl.Terminal("top", "--socket", server.path, rows=10,
                            columns=40)
    try:
        terminal.await_text("\x1b[H")
        screen = terminal.await_text("\x1b[J")
        terminal.type("\x03")
        terminal.wait()
    finally:
        terminal.close()
    lines = screen.replace("\x1b[1m", "").replace("\x1b[0m", "") \
        .replace("\x1b[K", "").split("\r\n")
    assert len(lines) <= 10
    assert all(len(line) <= 40 for line in lines), lines


def test_top_says_why_it_ends(stand_in):
    """The server goes while it is watched: the terminal is as it was, and
    the reason can be read."""
    looks = []

    def answer(request):
        looks.append(request)
        if len(looks) > 4:
            return b""
        return ctl_stand_in.answer(json.dumps(
            SERVER if b"/v1/server" in request else sessions()))

    server = stand_in(answer)
    terminal = ctl.Terminal("top", "--socket", server.path)
    try:
        shown = terminal.wait(ctl.UNAVAILABLE)
    finally:
        terminal.close()
    assert "closed the connection" in shown.partition("\x1b[?1049l")[2]


def test_top_without_a_terminal_is_printed_once(stand_in):
    server = stand_in(Traffic())
    shown = ask(server, "top").out
    assert shown.index("1-1") < shown.index("1-2")
    assert ask(server, "top", "--json").json["total"] == 2


def test_colours_are_for_terminals_and_can_be_refused(stand_in):
    server = stand_in(ctl_stand_in.answer(json.dumps(SERVER)))
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False),
                          ({"TERM": "dumb"}, False)):
        terminal = ctl.Terminal("status", "--socket", server.path, env=env)
        try:
            assert ("\x1b[" in terminal.wait()) == coloured
        finally:
            terminal.close()


def test_the_environment_says_where(stand_in, folder):
    server = stand_in(ctl_stand_in.answer(json.dumps(SERVER)))
    ctl.run("status", env={"TURNPIKE_CONTROL": server.path})
    ctl.run("status", "--socket", server.path,
            env={"TURNPIKE_CONTROL": "/nonexistent"})
    ctl.run("status", env={"TURNPIKE_CONTROL": "http://127.0.0.1:1"},
            expect=ctl.UNAVAILABLE)


def test_snippets_hold_what_the_server_said(stand_in):
    made = {"username": "1795626000:é\"'", "password": "a+/=",
            "realm": "r", "expires": "2026-11-25T17:00:00Z",
            "urls": ["turn:198.51.100.7:3479?transport=udp"]}
    server = stand_in(ctl_stand_in.answer(json.dumps(made)))
    for kind, parts in {
            "browser": ['"turn:198.51.100.7:3479?transport=udp"'],
            "web": ["networkConfiguration",
                    '"turn:198.51.100.7:3479?transport=udp"'],
            "android": ['setUrls(Arrays.asList("turn:198.51.100.7"))',
                        "setUdpPort(3479)", 'setRealm("r")'],
            "ios": ['["turn:198.51.100.7"]', "udpPort = 3479"],
            "windows": ['{ "turn:198.51.100.7" }', "UdpPort = 3479"]}.items():
        shown = ask(server, "credential", "--for", kind).out
        for part in parts + ['"1795626000:é\\"\'"', '"a+/="']:
            assert part in shown, (kind, shown)
    shown = ask(server, "credential", "--user", "o'neil", "--for",
                "curl").out
    assert "o'\\''neil" in shown
    whole = ask(server, "credential").out
    assert whole.count("a+/=") == 6
    assert ask(server, "credential", "--json").json == made


def test_usage_of_those_without_room(stand_in):
    server = stand_in(ctl_stand_in.answer(json.dumps({
        "since": "2026-11-25T17:00:00Z", "truncated": True,
        "users": [{"user": "alice", "realm": "r", "sessions": 1}],
        "others": {"sessions": 7, "living": 2, "peak": 3}})))
    shown = ask(server, "usage").out.splitlines()
    assert shown[2].split()[:2] == ["(others)", "7"]
    assert "1 user since" in shown[3] and "no room" in shown[3]


@pytest.mark.parametrize("urls", [[], ["stun:x"], [5], ["turn:h:port"]])
def test_urls_that_are_none(stand_in, urls):
    server = stand_in(ctl_stand_in.answer(json.dumps(
        {"username": "u", "password": "p", "urls": urls})))
    assert "username  u" in ask(server, "credential").out
    ask(server, "credential", "--for", "android", expect=ctl.PROTOCOL)
