"""The control API: its two sockets, who is let in, and what a client that
means ill cannot do."""

import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

import pytest

import control
import daemon as daemons

HERE = os.path.dirname(os.path.abspath(__file__))
root_only = pytest.mark.skipif(not daemons.IS_ROOT, reason="needs root")


@pytest.fixture
def start(daemon, folder):
    """A server with both sockets, and its API by each."""
    def make(**changes):
        config = {"socket": f"{folder.state}/control.sock",
                  "http": f"127.0.0.1:{control.free_tcp_port()}"}
        config.update(changes.pop("control", {}))
        server = daemon(control=config, **changes)
        local = control.Control(server)
        remote = control.Control(server, control.read_token(server),
                                 tcp=True) if config["http"] else None
        return server, local, remote
    return make


def test_the_server_is_shown_on_both_sockets(start, client):
    server, local, remote = start()
    c = client(server)
    c.allocate()
    for api in local, remote:
        seen = api.get("/v1/server")
        assert seen["pid"] > 0 and seen["state"] == "serving"
        assert seen["ready"] is True and seen["not_ready"] is None
        assert seen["allocations"] == {
            "living": 1, "max": seen["relay"]["ports"], "begun": 1}
        assert seen["realms"] == [{"name": "example.org", "allocations": 1,
                                   "allocations_max": None}]
        assert seen["listeners"] == [{
            "transport": "udp", "address": server.address[0],
            "port": server.address[1], "realm": "example.org"}]
        assert seen["relay"]["ports_used"] == 1
        assert seen["users"] == {"config": 1, "file": 0}
        assert seen["redis"] is None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                            seen["started"])


def test_what_is_open_and_what_needs_the_token(start):
    server, local, remote = start()
    stranger = control.Control(server, tcp=True)
    for path in "/", "/healthz", "/readyz", "/page/page.css":
        assert stranger.ask("GET", path).status == 200, path
    answer = stranger.ask("GET", "/v1/server")
    assert answer.status == 401 and answer.code == "token_required"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert remote.ask("GET", "/v1/server").status == 200
    for _ in range(1000):
        assert stranger.ask("GET", "/v1/server", headers={
            "Authorization": "Bearer 0123456789abcdef"}).status == 401
    assert len(server.lines("control refused")) == 1


def test_headers_of_every_answer(start):
    _, _, remote = start()
    for path in "/", "/v1/server", "/v1/nothing", "/healthz":
        headers = remote.ask("GET", path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers
        assert headers["Cache-Control"] == \
            ("no-cache" if path == "/" else "no-store")


def test_other_pages_and_other_names(start):
    _, _, remote = start()
    for headers in ({"Host": "evil.example"}, {"Host": "localhost.evil"},
                    {"Origin": "http://evil.example"}, {"Origin": "null"}):
        for path in "/", "/v1/server", "/healthz":
            answer = remote.ask("GET", path, headers=headers)
            assert answer.status == 403, (headers, path)
    port = remote.config["http"].rpartition(":")[2]
    for headers in ({"Host": f"localhost:{port}"},
                    {"Host": f"localhost:{port}",
                     "Origin": f"http://localhost:{port}"}):
        assert remote.ask("GET", "/v1/server", headers=headers).status == 200


def test_methods_and_paths(start):
    _, local, _ = start()
    answer = local.ask("DELETE", "/v1/server")
    assert answer.status == 405 and answer.headers["Allow"] == "GET"
    assert local.ask("PUT", "/v1/server", body="{}").status == 405
    assert local.ask("GET", "/v1/nothing").code == "not_found"
    assert local.ask("GET", "/v1/server?verbose=1").code == "bad_request"


@pytest.mark.parametrize("data", [
    b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n", b"\x00" * 64 + b"\r\n\r\n",
    b"GET " + b"/" * 20000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
    b"GET / HTTP/1.1\r\n folded\r\n\r\n",
    b"POST /v1/server HTTP/1.1\r\nContent-Length: 9999999999999\r\n\r\n",
    b"POST /v1/server HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n",
    b"POST /v1/server HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"ffffffffffffffff\r\n",
])
def test_junk_is_answered_4xx_or_closed(start, data):
    _, local, remote = start()
    for api in local, remote:
        got = api.raw(data + b"\r\n", timeout=20)
        assert not got or re.match(rb"HTTP/1\.[01] (4\d\d|501) ", got), got
        assert api.ask("GET", "/healthz").status == 200


# Its socket.

def test_the_unix_socket_is_for_its_group(start):
    server, local, _ = start()
    path = server.config["control"]["socket"]
    seen = os.stat(path)
    assert stat.S_ISSOCK(seen.st_mode) and seen.st_mode & 0o7777 == 0o660
    if daemons.IS_ROOT:
        assert seen.st_gid == pwd.getpwnam(daemons.UNPRIVILEGED).pw_gid
    server.stop()
    assert not os.path.exists(path)


ASK = """
import sys, control
class Server: config = {"control": {"socket": sys.argv[1]}}
try:
    print(control.Control(Server).ask("GET", "/v1/server").status)
except PermissionError:
    print("EACCES")
"""


def ask_as(path, *how):
    return subprocess.run(
        ["setpriv", *how, sys.executable, "-c", ASK, path],
        env=dict(os.environ, PYTHONPATH=HERE), stdout=subprocess.PIPE,
        text=True, timeout=30, check=True).stdout.strip()


@root_only
def test_a_foreign_user_is_refused(start, folder):
    server, _, _ = start()
    path = server.config["control"]["socket"]
    gid = str(os.stat(path).st_gid)
    os.chmod(folder.state, 0o755)
    foreign = ("--reuid", "4711", "--regid", "4711")
    assert ask_as(path, *foreign, "--clear-groups") == "EACCES"
    # Even where the mode of the socket would let it in.
    os.chmod(path, 0o666)
    assert ask_as(path, *foreign, "--clear-groups") == "403"
    assert ask_as(path, *foreign, "--groups", gid) == "200"
    assert ask_as(path, "--reuid", "4711", "--regid", gid,
                  "--clear-groups") == "200"
    assert ask_as(path, "--reuid", "0") == "200"


def refused_start(folder, **control):
    """What a start says that fails."""
    config = daemons.base_config(folder, "127.0.0.1", daemons.free_port())
    config["control"].update(control)
    path = folder.write("refused.conf", daemons.render_file(config))
    done = daemons.run_binary("-c", path)
    assert done.returncode == 1, done.stderr
    return done.stderr


def test_a_dead_socket_is_replaced_and_a_living_one_is_not(start, folder):
    server, _, _ = start(control={"http": ""})
    said = refused_start(folder, socket=server.config["control"]["socket"])
    assert "no socket for the control API" in said
    server.kill()
    server.process = None
    assert os.path.exists(server.config["control"]["socket"])
    again, local, _ = start(control={"http": ""})
    assert local.ask("GET", "/healthz").status == 200


def test_a_port_that_is_taken_stops_the_start(folder):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        said = refused_start(
            folder, http="127.0.0.1:%d" % other.getsockname()[1])
        assert "set control.http to another port" in said


@root_only
def test_without_a_directory_the_default_socket_is_done_without(
        daemon, folder):
    """/run/turnpike is a service's; who starts the daemon by hand as
    somebody need not have it. This machine may: the daemon sees another
    /run."""
    alone = ["unshare", "--mount", "sh", "-ec",
             'mount -t tmpfs -o mode=755 none /run; exec "$@"', "sh"]
    server = daemon(control={"http": ""},
                    prefix=alone + daemons.unprivileged(folder))
    server.await_log("warning no socket for the control API .*remedy=")


def test_a_service_manager_names_the_directory(daemon, folder):
    runtime = os.path.join(folder.state, "run")
    server = daemon(control={"http": ""},
                    env={"RUNTIME_DIRECTORY": runtime})
    server.config["control"]["socket"] = f"{runtime}/control.sock"
    assert control.Control(server).ask("GET", "/readyz").status == 200


def test_the_token_is_kept_and_may_be_named(start, daemon, folder):
    server, _, remote = start()
    token = control.read_token(server)
    assert re.fullmatch("[0-9a-f]{64}", token)
    assert os.stat(f"{folder.state}/control-token").st_mode & 0o7777 == 0o640
    server.stop()
    server, _, _ = start()
    assert control.read_token(server) == token
    server.stop()
    own = folder.write("token", "a-token-of-my-own\n")
    server, _, remote = start(control={"token_file": own})
    assert remote.ask("GET", "/v1/server").status == 401
    remote.token = "a-token-of-my-own"
    assert remote.ask("GET", "/v1/server").status == 200
    os.chmod(own, 0o644)
    assert "expected a file of mode 0640" in refused_start(
        folder, token_file=own,
        http=f"127.0.0.1:{control.free_tcp_port()}")


# What it does.

def test_sessions_are_listed_and_ended(start, client):
    server, local, remote = start(users=[
        {"name": "alice", "password": "secret"},
        {"name": "b<ob", "password": "secret"}])
    first, second = client(server), client(server, user="b<ob")
    relayed = first.allocate()
    second.allocate()
    seen = remote.get("/v1/sessions")
    assert (seen["total"], seen["matched"]) == (2, 2)
    one = remote.get("/v1/sessions?user=b%3Cob")["sessions"][0]
    assert one["user"] == "b<ob" and one["realm"] == "example.org"
    assert one["client"] == "%s:%d" % second.address
    assert one["listener"] == "%s:%d" % server.address
    assert one["source"] == "config"
    assert local.get(f"/v1/sessions/{one['id']}") == one
    assert local.ask("DELETE", f"/v1/sessions/{one['id']}").status == 204
    server.await_log("session ended .*cause=killed")
    server.await_log('operator has ended a session by="uid 0"'
                     if daemons.IS_ROOT else "operator has ended a session")
    assert local.ask("DELETE", f"/v1/sessions/{one['id']}").code == \
        "unknown_session"
    # Its client hears of it when it asks; the other goes on.
    second.refresh(expect=437)
    first.refresh(expect=None)
    assert local.ask("DELETE", "/v1/sessions").status == 400
    assert remote.ask("DELETE", "/v1/sessions?user=alice").json == {"ended": 1}
    assert local.get("/v1/sessions")["sessions"] == []
    assert relayed


def test_refusals_are_told(start, client):
    server, local, _ = start()
    client(server, password="wrong").allocate(expect=401)
    client(server, user="nobody<").allocate(expect=401)
    seen = local.get("/v1/refusals")
    assert seen["total"] == 2
    assert [r["cause"] for r in seen["refusals"]] == [
        "unknown user", "wrong password"]
    assert all(r["code"] == 401 and r["remedy"] for r in seen["refusals"])
    assert local.get("/v1/refusals?user=alice")["refusals"] == \
        seen["refusals"][1:]
    assert local.get("/v1/refusals?address=192.0.2.1")["refusals"] == []


def test_a_drain_by_command(start, client):
    server, local, _ = start()
    c = client(server)
    c.allocate()
    answer = local.ask("POST", "/v1/drain", {})
    assert answer.status == 202 and answer.json["draining"] is True
    assert local.ask("GET", "/readyz").status == 503
    assert local.ask("GET", "/healthz").status == 200
    seen = local.get("/v1/server")
    assert seen["state"] == "draining" and seen["drain"]["deadline"] is None
    client(server).allocate(expect=508)
    c.refresh()
    assert local.ask("DELETE", "/v1/drain").status == 204
    assert local.ask("GET", "/readyz").status == 200
    client(server).allocate()
    assert local.ask("POST", "/v1/drain", {"deadline_s": 0}).status == 202
    assert server.wait() == 0
    server.await_log("session ended .*cause=drained")


def test_a_reload_says_how_it_went(start, client):
    server, local, _ = start()
    config = dict(server.config, workers=1, users=[
        {"name": "carol", "password": "secret"}])
    server.folder.write(os.path.basename(server.path),
                        daemons.render_file(config))
    answer = local.ask("POST", "/v1/reload", {})
    assert answer.status == 200, answer.body
    assert answer.json["reloaded"] is True
    assert answer.json["restart_pending"] == ["workers"]
    assert local.get("/v1/server")["restart_pending"] == ["workers"]
    client(server, user="carol").allocate()
    server.folder.write(os.path.basename(server.path),
                        daemons.render_file(config) + "wrokers = 1;\n")
    answer = local.ask("POST", "/v1/reload", {})
    assert answer.status == 422 and answer.code == "reload_refused"
    detail = answer.json["error"]["details"][0]
    assert detail["file"] == server.path and detail["line"] > 1
    assert "wrokers" in detail["text"]
    client(server, user="carol").allocate()


# Clients that mean ill.

class Call:
    """Packets through a relay, paced, while something else goes on."""

    def __init__(self, server, client, peer):
        self.peer = peer((server.address[0], 0))
        self.client = client(server)
        self.client.allocate()
        self.client.bind_channel(0x4000, self.peer.address)
        self.sent = 0
        self.got = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            payload = b"packet %d" % self.sent
            self.client.send_channel(0x4000, payload)
            self.sent += 1
            data = self.peer.receive()[0]
            self.got += data == payload
            time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@pytest.fixture
def call(client, peer):
    return lambda server: Call(server, client, peer)


def test_slow_clients_are_cut(start, call):
    """One that sends a byte now and then, one that sends nothing, one that
    is done and stays: none for longer than 10 s, whatever it does."""
    server, local, remote = start()
    begun = time.monotonic()
    with call(server) as c:
        drip = remote.connect(30)
        drip.connect()
        silent = local.connect(30)
        silent.connect()
        done = local.connect(30)
        done.request("GET", "/healthz")
        done.getresponse().read()
        drip.sock.sendall(b"GET / HTTP/1.1\r\n")
        drip.sock.settimeout(0.5)
        while time.monotonic() - begun < 20:
            try:
                drip.sock.sendall(b"a")
                if drip.sock.recv(1) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        took = time.monotonic() - begun
        assert 9 < took < 14, took
        assert silent.sock.recv(1) == b""
        assert done.sock.recv(1) == b""
        assert time.monotonic() - begun < 15
    assert c.sent > 500 and c.got == c.sent


def test_connections_have_a_limit(start, call):
    server, local, remote = start()
    with call(server) as c:
        held = []
        for i in range(64):
            held.append((local, remote)[i % 2].connect())
            held[-1].request("GET", "/healthz")
            held[-1].getresponse().read()
        for api in local, remote:
            more = api.connect()
            more.connect()
            assert more.sock.recv(1) == b""
            more.close()
        # They are served, and make room for others when they go.
        held[0].request("GET", "/healthz")
        assert held[0].getresponse().status == 200
        for h in held:
            h.close()
        daemons.until(lambda: is_served(local))
    assert c.got == c.sent > 0


def is_served(api):
    try:
        return api.ask("GET", "/healthz").status == 200
    except OSError:
        return False


def test_a_flood_costs_calls_nothing(start, call):
    server, local, remote = start()
    remote.token = None

    def flood():
        for _ in range(300):
            try:
                remote.raw(b"GET /v1/server HTTP/1.1\r\nHost: localhost\r\n"
                           b"Connection: close\r\n" + b"a: b\r\n" * 2000 +
                           b"\r\n")
                remote.ask("POST", "/v1/server", body=b"x" * 1048577)
            except OSError:
                pass

    with call(server) as c:
        floods = [threading.Thread(target=flood) for _ in range(8)]
        for f in floods:
            f.start()
        for f in floods:
            f.join()
    assert c.got == c.sent > 0
    assert local.ask("GET", "/healthz").status == 200


def test_a_self_test_credential(start, client, peer):
    server, local, _ = start()
    p = peer()
    host, port = p.address
    made = local.ask("POST", "/v1/self-test", {"peer": f"{host}:{port}"})
    assert made.status == 201, made.body
    made = made.json
    assert made["realm"] == "example.org"
    assert (made["allocations"], made["packets"]) == (2, 100)
    assert made["urls"] == [
        f"turn:{server.address[0]}:{server.address[1]}?transport=udp"]
    tester = client(server, made["username"], made["password"])
    tester.allocate()
    tester.permit(p.address)
    tester.send(p.address, b"hello")
    assert p.receive()[0] == b"hello"
    # Another one takes its place, also through a reload, and opens nothing.
    other = local.ask("POST", "/v1/self-test", {"realm": "example.org"}).json
    assert local.ask("POST", "/v1/reload", {}).status == 200
    stranger = client(server, made["username"], made["password"])
    stranger.allocate(expect=401)
    client(server, other["username"], other["password"]).allocate()
    server.await_log("a self-test may begin")


@pytest.mark.parametrize("member, code", [
    ({"peer": "10.9.8.7:5000"}, 403), ({"peer": "{listener}"}, 403),
    ({"peer": "127.0.0.1:{relay}"}, 403), ({"peer": "127.0.0.1:0"}, 400),
    ({"peer": "127.0.0.1"}, 400), ({"peer": "127.0.0.1:65536"}, 400),
    ({"peer": "nobody:1"}, 400), ({"peer": ""}, 400), ({"peer": 1}, 400),
    ({"realm": "elsewhere"}, 404), ({"user": "alice"}, 400)])
def test_who_is_no_tester(start, member, code):
    server, local, _ = start()
    for name, value in member.items():
        if isinstance(value, str):
            member = {name: value.replace("{listener}", "%s:%d" %
                                          server.address).replace(
                          "{relay}", str(server.relay_ports[0]))}
    assert local.ask("POST", "/v1/self-test", member).status == code


def test_usage_is_told(start, client, peer):
    server, local, remote = start()
    p = peer()
    with client(server) as c:
        c.allocate()
        c.permit(p.address)
        c.send(p.address, b"x" * 100)
        p.receive()
        seen = remote.get("/v1/usage")
        assert seen["truncated"] is False and seen["others"] is None
        assert seen["users"] == [{
            "user": "alice", "realm": "example.org", "sessions": 1,
            "living": 1, "peak": 1, "to_peer": {"packets": 1, "bytes": 100},
            "to_client": {"packets": 0, "bytes": 0}}]
        c.refresh(0)
    assert local.get("/v1/usage?user=alice")["users"][0]["living"] == 0
    assert local.get("/v1/usage?user=bob")["users"] == []


# Users and credentials.

def test_users_are_added_changed_and_removed(start, client, folder):
    server, local, remote = start(workers=5)
    assert local.get("/v1/users") == {"users": [], "writable": True}
    answer = remote.ask("POST", "/v1/users", {
        "name": "c<arol é", "password": "first", "allocations": 2,
        "rate": "10Mbit/s"})
    assert answer.status == 201, answer.body
    assert local.get("/v1/users")["users"] == [{
        "name": "c<arol é", "realm": "example.org", "allocations": 2,
        "rate": 1250000, "disabled": False, "sha256": True}]
    with open(f"{folder.state}/users") as file:
        text = file.read()
    assert "first" not in text and "key_sha256" in text
    assert os.stat(f"{folder.state}/users").st_mode & 0o7777 == 0o640
    # In force at once, for all workers.
    sessions = [client(server, user="c<arol é", password="first")
                for _ in range(2)]
    for c in sessions:
        c.allocate()
    client(server, user="c<arol é", password="first").allocate(expect=486)
    client(server).allocate()
    # Another password ends the sessions of the one before.
    path = "/v1/users/c%3Carol%20%C3%A9"
    answer = local.ask("POST", f"{path}/password", {"password": "second"})
    assert answer.status == 204, answer.body
    daemons.until(lambda: local.get("/v1/sessions")["total"] == 1)
    client(server, user="c<arol é", password="first").allocate(expect=401)
    c = client(server, user="c<arol é", password="second")
    c.allocate()
    assert local.get("/v1/users")["users"][0]["rate"] == 1250000
    # It outlives a reload and a restart, and others stand beside it.
    assert local.ask("POST", "/v1/users", {
        "name": "dave", "password": "p", "disabled": True}).status == 201
    assert local.ask("POST", "/v1/reload", {}).status == 200
    assert len(local.get("/v1/users")["users"]) == 2
    c.refresh()
    client(server, user="dave", password="p").allocate(expect=401)
    assert local.ask("DELETE", path).status == 204
    daemons.until(lambda: local.get("/v1/sessions")["total"] == 1)
    client(server, user="c<arol é", password="second").allocate(expect=401)
    assert [u["name"] for u in local.get("/v1/users")["users"]] == ["dave"]
    assert local.ask("DELETE", path).code == "unknown_user"
    assert not [line for line in server.log if "second" in line]


def test_users_that_cannot_be(start, folder):
    _, local, _ = start()
    def add(**user):
        return local.ask("POST", "/v1/users", user)
    assert add(name="alice", password="p").code == "user_exists"
    assert add(name="bob", password="p").status == 201
    assert add(name="bob", password="p").code == "user_exists"
    for wrong in ({"name": "x"}, {"password": "p"}, {"name": "", "password": "p"},
                  {"name": "x", "password": "p", "realm": "nowhere"},
                  {"name": "x\n", "password": "p"},
                  {"name": "x", "password": "p\t"},
                  {"name": "x" * 509, "password": "p"},
                  {"name": "x", "password": "p", "rate": "fast"},
                  {"name": "x", "password": "p", "allocations": 0},
                  {"name": "x", "password": "p", "admin": True},
                  {"name": "x", "password": ["p"]}):
        answer = add(**wrong)
        assert (answer.status, answer.code) == (400, "bad_request"), wrong
    for body in (b"[]", b"{", b'{"name":"x","name":"y","password":"p"}',
                 b"null", b'{"name":"x\\u0000","password":"p"}', b"\xff",
                 b"[" * 100000):
        answer = local.ask("POST", "/v1/users", body)
        assert answer.code == "bad_request", body[:40]
    assert local.ask("DELETE", "/v1/users/alice").code == "unknown_user"
    # A file that a person has broken is not overwritten.
    with open(f"{folder.state}/users", "w") as file:
        file.write("users = ( { name = \"eve\"; } ")
    answer = add(name="x", password="p")
    assert (answer.status, answer.code) == (500, "users_file")
    with open(f"{folder.state}/users") as file:
        assert "eve" in file.read()


def test_credentials_are_minted(start, client):
    server, local, remote = start(secrets=[{"secret": "north south"}])
    answer = remote.ask("POST", "/v1/credentials",
                        {"user": "zoë", "lifetime_s": 60})
    assert answer.status == 200, answer.body
    made = answer.json
    assert made["urls"] == ["turn:%s:%d?transport=udp" % server.address]
    assert made["username"].endswith(":zoë")
    c = client(server, user=made["username"], password=made["password"])
    c.allocate()
    seen = local.get("/v1/sessions?user=zo%C3%AB")["sessions"]
    assert [s["source"] for s in seen] == ["time-limited"]
    assert local.ask("POST", "/v1/credentials",
                     {"user": "x", "realm": "nowhere"}).status == 400


def test_without_a_secret_no_credential(start):
    _, local, _ = start()
    answer = local.ask("POST", "/v1/credentials", {"user": "x"})
    assert (answer.status, answer.code) == (409, "no_secret")


def test_clients_that_do_not_read(start, call, client):
    """Lists of many sessions for clients that are stopped: a call does not
    notice, memory stays bounded, and who does read is answered as soon as
    they are gone."""
    server, local, remote = start()
    users = [client(server) for _ in range(1000)]
    for c in users:
        c.allocate()
    size = len(local.ask("GET", "/v1/sessions?limit=10000").body)
    assert size > 300000
    readers = subprocess.Popen(
        [sys.executable, "-c", STOPPED, server.config["control"]["socket"]],
        env=dict(os.environ, PYTHONPATH=HERE), stdout=subprocess.PIPE)
    try:
        with call(server) as c:
            assert readers.stdout.readline() == b"asked\n"
            readers.send_signal(signal.SIGSTOP)
            # They take all that may wait for clients; health is still told.
            daemons.until(lambda: local.ask("GET", "/v1/server").status in
                          (200, 503))
            for _ in range(50):
                assert remote.ask("GET", "/readyz").status in (200, 503)
            assert server.rss_kb() < 80000
        assert c.got == c.sent > 0
    finally:
        readers.kill()
        readers.wait()
    daemons.until(lambda: local.ask("GET", "/v1/server").status == 200)
    seen = local.get("/v1/sessions?sort=traffic&limit=10000")
    assert seen["total"] == len(seen["sessions"]) == 1001


STOPPED = """
import socket, sys, time
held = []
for _ in range(56):
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    s.connect(sys.argv[1])
    s.sendall(b"GET /v1/sessions?limit=10000 HTTP/1.1\\r\\n\\r\\n")
    held.append(s)
print("asked", flush=True)
time.sleep(60)
"""
