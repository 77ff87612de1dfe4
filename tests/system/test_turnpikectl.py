"""turnpikectl and the real daemon."""

import concurrent.futures
import os
import signal
import socket
import subprocess

import pytest

import control
import ctl
import daemon as daemons

pytestmark = pytest.mark.turnpike


@pytest.fixture
def start(daemon, folder):
    """A server with both sockets; server.ctl(...) asks it by its socket."""
    def make(**changes):
        config = {"socket": f"{folder.state}/control.sock",
                  "http": f"127.0.0.1:{control.free_tcp_port()}"}
        config.update(changes.pop("control", {}))
        server = daemon(control=config, **changes)
        server.socket = config["socket"]
        server.url = f"http://{config['http']}"
        server.token_file = f"{folder.state}/control-token"
        server.ctl = lambda *arguments, **how: ctl.run(
            *arguments, "--socket", server.socket, **how)
        return server
    return make


def test_status(start, client):
    server = start()
    client(server).allocate()
    shown = server.ctl("status").out
    assert "serving" in shown
    assert f"udp {server.address[0]}:{server.address[1]}, realm " \
        "example.org" in shown
    assert "sessions         1 of " in shown
    seen = server.ctl("status", "--json").json
    assert seen["allocations"]["living"] == 1


def test_status_over_http(start, folder):
    server = start()
    shown = ctl.run("status", "--url", server.url, "--token-file",
                    server.token_file).out
    assert "serving" in shown
    ctl.run("status", env={"TURNPIKE_CONTROL": server.url}, expect=ctl.REFUSED)


def test_a_token_that_is_wrong(start, folder):
    server = start()
    wrong = folder.write("token", "f" * 64 + "\n")
    result = ctl.run("status", "--url", server.url, "--token-file", wrong,
                     expect=ctl.REFUSED)
    assert "token" in result.err
    for text in ("", "two words\n", "\x1b[2J\n"):
        empty = folder.write("empty", text)
        ctl.run("status", "--url", server.url, "--token-file", empty,
                expect=ctl.NO_INPUT)
    ctl.run("status", "--url", server.url, "--token-file", "/nonexistent",
            expect=ctl.NO_INPUT)


@pytest.mark.root
def test_a_user_who_is_nobody(start):
    """Not root, not the server's, not of its group: the door is shut, and
    which key fits is said."""
    server = start()
    os.chmod(os.path.dirname(server.socket), 0o755)
    result = ctl.run("status", "--socket", server.socket,
                     prefix=["setpriv", "--reuid", "12345", "--regid",
                             "12345", "--clear-groups"], expect=ctl.REFUSED)
    assert "group turnpike" in result.err


def test_a_daemon_that_is_stopped(start):
    server = start()
    ways = (["--socket", server.socket],
            ["--url", server.url, "--token-file", server.token_file])
    server.signal(signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor() as both:
            for result in both.map(lambda way: ctl.run(
                    "status", *way, expect=ctl.TIMEOUT, timeout_s=20), ways):
                assert "does not answer" in result.err
    finally:
        server.signal(signal.SIGCONT)


def test_a_daemon_that_is_gone(start):
    server = start()
    server.stop()
    server.ctl("status", expect=ctl.UNAVAILABLE)


def test_open(start):
    server = start()
    shown = ctl.run("open", "--url", server.url, "--token-file",
                    server.token_file).out
    with open(server.token_file) as file:
        token = file.read().strip()
    assert shown == f"{server.url}/#token={token}\n"
    made = ctl.run("open", "--json", "--url", server.url + "/",
                   "--token-file", server.token_file).json
    assert made == {"url": shown.strip()}


def test_open_with_a_token_that_is_wrong(start, folder):
    server = start()
    wrong = folder.write("token", "f" * 64 + "\n")
    result = ctl.run("open", "--url", server.url, "--token-file", wrong,
                     expect=ctl.REFUSED)
    assert result.out == ""
    result = ctl.run("open", "--url", server.url, "--token-file",
                     "/nonexistent/token", expect=ctl.NO_INPUT)
    assert "--token-file" in result.err


def test_open_shows_the_page(start, folder):
    """xdg-open is a program in PATH that gets the address."""
    server = start()
    seen = os.path.join(folder.path, "seen")
    program = os.path.join(folder.path, "xdg-open")
    with open(program, "w") as out:
        out.write(f"#!/bin/sh\nprintf '%s' \"$1\" >{seen}\n")
    os.chmod(program, 0o755)
    where = ["--url", server.url, "--token-file", server.token_file]
    path = {"PATH": f"{folder.path}:{os.environ['PATH']}"}
    shown = ctl.run("open", "--browser", *where, env=path).out
    with open(seen) as file:
        assert file.read() == shown.strip()
    with open(program, "w") as out:
        out.write("#!/bin/sh\nexit 3\n")
    ctl.run("open", "--browser", *where, env=path, expect=ctl.FAILED)
    os.remove(program)
    result = ctl.run("open", "--browser", *where, env={"PATH": folder.path},
                     expect=ctl.UNAVAILABLE)
    assert "open the address above" in result.err


# --- sessions ---

def allocated(server, client, user="alice", password="secret"):
    c = client(server, user, password)
    c.allocate()
    return c


def sessions_of(server, *arguments):
    return server.ctl("sessions", "--json", *arguments).json["sessions"]


def test_sessions(start, client, peer):
    server = start(users=[{"name": "alice", "password": "secret"},
                          {"name": "bob", "password": "hush hush"}])
    a = allocated(server, client)
    b = allocated(server, client, "bob", "hush hush")
    p = peer()
    b.permit(p.address)
    b.send(p.address, 100 * b"x")
    p.receive()
    shown = server.ctl("sessions").out
    for c in (a, b):
        assert f"{c.address[0]}:{c.address[1]}" in shown
        assert f"{c.relayed[0]}:{c.relayed[1]}" in shown
    assert "2 shown, 2 match, 2 in all" in shown

    assert [s["user"] for s in sessions_of(server, "--user", "bob")] == [
        "bob"]
    assert sessions_of(server, "--realm", "elsewhere") == []
    assert len(sessions_of(server, "--client", "127.0.0.1")) == 2
    assert len(sessions_of(server, "--limit", "1")) == 1
    by_traffic = sessions_of(server, "--sort", "traffic")
    assert [s["user"] for s in by_traffic] == ["bob", "alice"]
    result = server.ctl("sessions", "--sort", "size", expect=ctl.DATA)
    assert "sort" in result.err

    one = server.ctl("sessions", by_traffic[0]["id"])
    assert "user        bob" in one.out
    assert "100 B (100 bytes) in 1 packets" in one.out
    server.ctl("sessions", "nonesuch", expect=ctl.FAILED)


def test_kill(start, client):
    server = start(users=[{"name": "alice", "password": "secret"},
                          {"name": "bob", "password": "hush hush"}])
    a = allocated(server, client)
    allocated(server, client, "bob", "hush hush")
    allocated(server, client, "bob", "hush hush")
    identity = sessions_of(server, "--user", "alice")[0]["id"]
    assert "1 session ended" in server.ctl("kill", identity).out
    server.await_log("session ended.*user=alice.*cause=killed")
    a.refresh(expect=437)
    server.ctl("kill", identity, expect=ctl.FAILED)
    assert "2 sessions ended" in server.ctl("kill", "--user", "bob").out
    server.ctl("kill", "--user", "bob", expect=ctl.FAILED)
    allocated(server, client)
    assert server.ctl("kill", "--client", "127.0.0.1",
                      "--json").json == {"ended": 1}


def test_top_shows_sessions(start, client):
    server = start()
    c = allocated(server, client)
    shown = server.ctl("top").out
    assert f"{c.relayed[0]}:{c.relayed[1]}" in shown
    terminal = ctl.Terminal("top", "--socket", server.socket)
    try:
        terminal.await_text("1 sessions of")
        terminal.await_text("alice")
        terminal.type("q")
        terminal.wait()
    finally:
        terminal.close()


# --- refusals ---

def test_why(start, client):
    server = start()
    client(server, password="wrong").allocate(expect=401)
    for what in ("127.0.0.1", "127.0.0.1:5000", "alice"):
        shown = server.ctl("why", what).out
        assert "wrong password" in shown
        assert "user alice, realm example.org; answered 401" in shown
    seen = server.ctl("why", "alice", "--json").json
    assert seen["refusals"][0]["cause"]
    result = server.ctl("why", "192.0.2.99", expect=ctl.FAILED)
    assert "may not arrive" in result.out
    result = server.ctl("why", "carol", expect=ctl.FAILED)
    assert "no such name" in result.out


def test_why_with_a_hostile_name(start, client):
    server = start()
    name = "\x1b[2J\u202ebob\n"
    client(server, name, legacy=True).allocate(expect=401)
    shown = server.ctl("why", "127.0.0.1").out
    assert "bob" in shown and "\u202e" not in shown
    assert "unknown user" in server.ctl("why", name).out


# --- users, credentials ---

def test_users_of_the_file(start, client):
    """A user from nothing to relayed packets to nothing, by hand."""
    server = start()
    assert "0 users in the users file" in server.ctl("user", "list").out
    server.ctl("user", "add", "carol", "--allocations", "1", "--rate",
               "10Mbit/s", given=b"first password\n")
    seen = server.ctl("user", "list", "--json").json["users"]
    assert [(u["name"], u["realm"], u["allocations"], u["disabled"])
            for u in seen] == [("carol", "example.org", 1, False)]
    listed = server.ctl("user", "list").out
    assert "carol" in listed and "10 Mbit/s" in listed

    c = allocated(server, client, "carol", "first password")
    client(server, "carol", "first password").allocate(expect=486)
    server.ctl("user", "add", "carol", given=b"x\n", expect=ctl.FAILED)
    server.ctl("user", "add", "alice", given=b"x\n", expect=ctl.FAILED)

    server.ctl("user", "passwd", "carol", given=b"second password\n")
    server.await_log("session ended.*user=carol")
    c.refresh(expect=401)
    allocated(server, client, "carol", "second password")
    server.ctl("user", "del", "carol")
    daemons.until(lambda: sessions_of(server) == [])
    client(server, "carol", "second password").allocate(expect=401)
    for arguments in (["user", "del", "carol"],
                      ["user", "passwd", "carol"]):
        server.ctl(*arguments, given=b"x\n", expect=ctl.FAILED)
    with open(f"{server.folder.state}/users") as users:
        assert "password" not in users.read()


def test_a_disabled_user_and_a_hostile_one(start, client):
    server = start()
    server.ctl("user", "add", "mallory", "--disabled", given=b"pass word\n")
    client(server, "mallory", "pass word").allocate(expect=401)
    assert "disabled" in server.ctl("user", "list").out
    assert "disabled" in server.ctl("why", "mallory").out
    for name in ("bell\x07", "\u202eturned", "x" * 509):
        server.ctl("user", "add", name, given=b"pass word\n",
                   expect=ctl.DATA)
    name = "a/..?b&c=d#%2f é"
    server.ctl("user", "add", name, given=b"pass word\n")
    server.ctl("user", "passwd", name, given=b"pass word 2\n")
    server.ctl("user", "del", name)
    names = [u["name"] for u in
             server.ctl("user", "list", "--json").json["users"]]
    assert names == ["mallory"]


def test_credential(start, client):
    server = start(secrets=[{"secret": "north"}])
    made = server.ctl("credential", "--user", "dave", "--lifetime", "1h",
                      "--json").json
    assert made["username"].endswith(":dave")
    allocated(server, client, made["username"], made["password"])
    shown = server.ctl("credential").out
    host, port = server.address
    assert f'urls: ["turn:{host}:{port}?transport=udp"]' in shown
    assert f"iceServer.setUdpPort({port});" in shown
    assert 'iceServer.setRealm("example.org");' in shown


def test_credential_without_a_secret(start):
    result = start().ctl("credential", expect=ctl.FAILED)
    assert "secret" in result.err


# --- usage ---

def test_usage(start, client, peer):
    server = start(users=[{"name": "alice", "password": "secret"},
                          {"name": "bob", "password": "hush hush"}])
    allocated(server, client).refresh(0)
    b, p = allocated(server, client, "bob", "hush hush"), peer()
    b.permit(p.address)
    b.send(p.address, 1000 * b"x")
    p.receive()
    daemons.until(lambda: "1.0 kB" in server.ctl("usage").out)
    rows = [line.split() for line in server.ctl("usage").out.splitlines()]
    assert rows[1][:6] == ["bob", "example.org", "1", "1", "1", "1.0"]
    assert rows[2][:5] == ["alice", "example.org", "1", "0", "1"]
    assert [u["user"] for u in server.ctl(
        "usage", "--user", "alice", "--json").json["users"]] == ["alice"]


# --- reload and drain ---

def change(server, text="", **changes):
    """Writes the configuration anew."""
    config = {**server.config, **changes}
    server.folder.write(os.path.basename(server.path),
                        daemons.render_file(config) + text)


def test_reload(start, client):
    """What ExecReload of the unit is."""
    server = start()
    port = daemons.free_port()
    change(server, workers=1, users=[{"name": "bob", "password": "builder"}],
           listen=[*server.config["listen"],
                   {"address": "127.0.0.1", "port": port}])
    shown = server.ctl("reload").out
    assert "reloaded" in shown
    assert "needs a restart" in shown and " workers" in shown
    client(("127.0.0.1", port), "bob", "builder").allocate()
    assert "restart pending  workers" in server.ctl("status").out
    assert server.ctl("reload", "--json").json["reloaded"] is True


def test_a_reload_that_is_refused(start, client):
    """The exit status makes systemctl reload fail."""
    server = start()
    running = client(server)
    running.allocate()
    change(server, text="wings = 2;\n")
    with open(server.path, encoding="utf-8") as file:
        line = len(file.readlines())
    shown = server.ctl("reload", expect=ctl.CONFIG)
    assert f"{server.path}:{line}: " in shown.err and "wings" in shown.err
    assert shown.out == ""
    error = server.ctl("reload", "--json", expect=ctl.CONFIG).json["error"]
    assert error["details"][0]["line"] == line
    running.refresh()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        change(server, listen=[{"address": "127.0.0.1", "port": port}])
        shown = server.ctl("reload", expect=ctl.CONFIG)
        assert f"127.0.0.1:{port}: Address already in use" in shown.err
    running.refresh()


def test_drain(start, client):
    server = start()
    there = allocated(server, client)
    server.ctl("drain", "--show", expect=ctl.FAILED)
    shown = server.ctl("drain").out
    assert "1 sessions left" in shown and "drain --end" in shown
    server.ctl("drain", "--show")
    assert "draining" in server.ctl("status", expect=ctl.FAILED).out
    client(server).allocate(expect=508)
    there.refresh()
    assert "not draining" in server.ctl("drain", "--end").out
    client(server).allocate()
    server.ctl("status")


def test_drain_to_the_end(start, client):
    server = start()
    c = allocated(server, client)
    shown = server.ctl("drain", "--deadline", "1h").out
    assert "the server stops without one, and at 20" in shown
    c.refresh(0)
    assert server.wait() == 0


COMPLETION = os.path.join(daemons.ROOT, "etc", "completion", "turnpikectl")


def complete(*words):
    """What bash offers for the last word."""
    script = (f". {COMPLETION}; COMP_WORDS=(\"$@\"); "
              "COMP_CWORD=$(($# - 1)); _turnpikectl; "
              "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-c", script, "bash", *words],
                          capture_output=True, text=True, timeout=10)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return sorted(set(done.stdout.split()))


def test_bash_completes():
    assert complete("turnpikectl", "stat") == ["status"]
    assert {"user", "top", "--version"} <= set(complete("turnpikectl", ""))
    assert complete("turnpikectl", "user", "") == ["add", "del", "list",
                                                   "passwd"]
    assert complete("turnpikectl", "user", "add", "--r") == [
        "--rate", "--realm"]
    assert complete("turnpikectl", "kill", "--us") == ["--user"]
    assert complete("turnpikectl", "completion", "") == ["bash", "zsh"]
    assert "status" in complete("turnpikectl", "help", "")
    here = os.path.dirname(COMPLETION) + "/"
    assert complete("turnpikectl", "import-coturn", here + "turnpikec") \
        == [COMPLETION]
    assert complete("turnpikectl", "import-coturn", "-o", here +
                    "turnpikec") == [COMPLETION]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_printed(shell):
    name = {"bash": "turnpikectl", "zsh": "_turnpikectl"}[shell]
    with open(os.path.join(os.path.dirname(COMPLETION), name)) as file:
        assert ctl.run("completion", shell).out == file.read()
