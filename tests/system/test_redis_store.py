"""The Redis store against Debian's redis-server, and against servers that
hang, lie, flood and speak garbage."""

import os
import signal
import socket
import time

import pytest

import redis

pytestmark = [
    pytest.mark.turnpike,
    pytest.mark.skipif(not redis.find_server(),
                       reason="no redis-server (./bootstrap check)"),
]

KEY = "00112233445566778899aabbccddeeff"
OTHER = "ffeeddccbbaa99887766554433221100"
SHA256 = KEY + OTHER


@pytest.fixture
def server():
    """server(...) starts a redis-server, removed at the end."""
    made = []

    def start(*args, **how):
        made.append(redis.Server(*args, **how))
        return made[-1]

    yield start
    for s in made:
        s.remove()


@pytest.fixture
def fake():
    made = []

    def start(serve):
        made.append(redis.Fake(serve))
        return made[-1]

    yield start
    for f in made:
        f.remove()


@pytest.fixture
def probe():
    """probe(endpoint, ...) starts the store; it must end cleanly."""
    made = []

    def start(*endpoints, **settings):
        made.append(redis.Probe(*endpoints, **settings))
        return made[-1]

    yield start
    try:
        for p in made:
            p.stop()
    finally:
        for p in made:
            p.kill()


def coturn_key(name, realm="r"):
    name = name if isinstance(name, bytes) else name.encode()
    return b"turn/realm/%s/user/%s/key" % (realm.encode(), name)


def our_key(name, realm="r"):
    name = name if isinstance(name, bytes) else name.encode()
    return b"turnpike/realm/%s/user/%s" % (realm.encode(), name)


# --- users ---

def test_users_of_both_schemas(server, probe):
    s = server()
    c = s.client()
    c("SET", coturn_key("old"), KEY)
    c("HSET", our_key("new"), "sha256", SHA256.upper(), "allocations", 3,
      "rate", 125000)
    c("SET", coturn_key("both"), KEY)
    c("HSET", our_key("both"), "md5", OTHER, "sha256", SHA256)
    c("SET", coturn_key("limited"), KEY)
    c("HSET", our_key("limited"), "allocations", 7)
    c("SET", coturn_key("shut"), KEY)
    c("HSET", our_key("shut"), "disabled", 1)
    c("SET", coturn_key("not-shut"), KEY)
    c("HSET", our_key("not-shut"), "disabled", "no")
    c("HSET", our_key("no-key"), "allocations", 7)
    p = probe(s.endpoint).up()

    a = p.ask("old", recheck=True)
    assert (a["result"], a["md5"], a["sha256"]) == ("found", KEY, "")
    assert a["recheck"] and not a["disabled"] and a["allocations"] == 0
    a = p.ask("new")
    assert (a["result"], a["md5"], a["sha256"]) == ("found", "", SHA256)
    assert a["allocations"] == 3 and a["rate"] == 125000
    a = p.ask("both")
    assert (a["md5"], a["sha256"]) == (OTHER, SHA256)
    a = p.ask("limited")
    assert (a["md5"], a["allocations"]) == (KEY, 7)
    assert p.ask("shut")["disabled"]
    assert not p.ask("not-shut")["disabled"]
    assert p.ask("no-key")["result"] == "unknown"
    assert p.ask("nobody")["result"] == "unknown"


NAMES = [b"", b"a", b"x" * 508, b"nul\0nul", b"cr\r\nSET a b\r\n", b"%s%n%d",
         b"*", b"[a-z]?", b"\xff\xfe\x80", b"a/user/b/key", b"\r\n",
         b" ", b'"quoted"', "Jürgen".encode()]


@pytest.mark.parametrize("name", NAMES, ids=[repr(n)[:24] for n in NAMES])
def test_any_name(server, probe, name):
    s = server()
    c = s.client()
    p = probe(s.endpoint).up()
    assert p.ask(name)["result"] == "unknown"
    c("SET", coturn_key(name), KEY)
    p.wait("changed", name=name.hex())
    assert p.ask(name)["md5"] == KEY
    c("DEL", coturn_key(name))
    mark = p.mark()
    c("HSET", our_key(name), "sha256", SHA256)
    p.wait("changed", mark, name=name.hex())
    assert p.ask(name)["sha256"] == SHA256
    assert c("DBSIZE") == 1
    assert p.status()["connects"] == 1


def test_values_that_are_no_keys(server, probe):
    s = server()
    c = s.client()
    values = {"empty": "", "short": KEY[:-1], "not-hex": "g" * 32,
              "spaces": " " * 32, "binary": b"\0" * 32}
    for name, value in values.items():
        c("SET", coturn_key(name), value)
    c("SET", coturn_key("longer"), KEY + "and more")
    c("SET", coturn_key("huge"), b"a" * 3000000)
    c("LPUSH", coturn_key("list"), KEY)
    c("SADD", our_key("set"), KEY)
    c("HSET", our_key("md5-long"), "md5", KEY + "0")
    c("HSET", our_key("sha-short"), "sha256", KEY)
    c("HSET", our_key("huge-field"), "md5", b"a" * 100000)
    c("HSET", our_key("limit"), "md5", KEY, "allocations", "many")
    c("HSET", our_key("negative"), "md5", KEY, "rate", "-1")
    c("HSET", our_key("overflow"), "md5", KEY, "allocations", 1 << 32)
    c("SET", coturn_key("mended"), "short")
    c("HSET", our_key("mended"), "md5", KEY)
    p = probe(s.endpoint).up()
    for name in [*values, "huge", "list", "set", "md5-long", "sha-short",
                 "huge-field", "limit", "negative", "overflow"]:
        assert p.ask(name)["result"] == "unknown", name
    assert p.ask("longer")["md5"] == KEY
    assert p.ask("mended")["md5"] == KEY
    status = p.status()
    assert status["connects"] == 1 and status["unusable"] == 14
    # One line for all of them, within the interval.
    assert len(p.logs("redis entry is not usable")) == 1


def test_the_log_names_a_user_escaped(server, probe):
    s = server()
    s.client()("SET", coturn_key(b"a\nb\x1b[2J"), "short")
    p = probe(s.endpoint).up()
    p.ask(b"a\nb\x1b[2J")
    r = p.wait_log("redis entry is not usable")
    assert r["user"] == "a\nb\x1b[2J" and r["realm"] == "r"


def test_realms(server, probe):
    s = server()
    c = s.client()
    realms = ("a", "a/user/b", "example.com")
    c("SET", coturn_key("u", "a"), KEY)
    c("SET", coturn_key("u", "example.com"), OTHER)
    c("SET", coturn_key("x", "a/user/b"), OTHER)
    p = probe(s.endpoint, realm=realms).up()
    assert p.ask("u", realm=0)["md5"] == KEY
    assert p.ask("u", realm=1)["result"] == "unknown"
    assert p.ask("u", realm=2)["md5"] == OTHER
    # One key, a user's in two realms: both are told.
    c("SET", coturn_key("x", "a/user/b"), KEY)
    p.wait("changed", realm=1, name=b"x".hex())
    p.wait("changed", realm=0, name=b"b/user/x".hex())


# --- realms ---

def test_secrets(server, probe):
    s = server()
    c = s.client()
    p = probe(s.endpoint, workers=2).up()
    for reader in (0, 1):
        assert p.wait("secrets", reader=reader)["count"] == 0
    mark = p.mark()
    c("SADD", "turn/realm/r/secret", "north", "east", b"\0\r\n")
    for reader in (0, 1):
        e = p.wait("secrets", mark, reader=reader, count=3)
        assert [bytes.fromhex(e[i]) for i in "012"] == \
            [b"\0\r\n", b"east", b"north"]
    c("SADD", "turn/realm/r/secret", *[f"{i:03}" for i in range(40)])
    e = p.wait("secrets", count=16)
    assert e["cut"] and bytes.fromhex(e["1"]) == b"000"
    p.wait_log("redis value is not usable", item="secret")
    c("SADD", "turn/realm/r/secret", *range(3000))
    p.wait("secrets", count=0, cut=True)
    mark = p.mark()
    c("DEL", "turn/realm/r/secret")
    p.wait("secrets", mark, count=0, cut=False)
    mark = p.mark()
    c("SET", "turn/realm/r/secret", "no set")
    p.wait("secrets", mark, count=0, cut=True)
    assert p.status()["connects"] == 1


def test_realm_options(server, probe):
    s = server()
    c = s.client()
    p = probe(s.endpoint).up()
    e = p.wait("realm", reader=1)
    assert "max_bps" not in e and e["denied"]["items"] == []
    c("SET", "turn/realm/r/max-bps", 64000)
    p.wait("realm", max_bps=64000)
    c("SET", "turn/realm/r/total-quota", 100)
    c("SET", "turn/realm/r/user-quota", 0)
    p.wait("realm", max_bps=64000, total_quota=100, user_quota=0)
    c("SADD", "turn/realm/r/denied-peer-ip", "10.0.0.0-10.255.255.255", "::1")
    p.wait("realm", denied={"cut": False, "items": [
        "10.0.0.0-10.255.255.255", "::1"]})
    c("SET", "turn/realm/r/allowed-peer-ip", "10.0.0.7")
    p.wait("realm", allowed={"cut": False, "items": ["10.0.0.7"]})
    c("SADD", "turn/realm/r/denied-peer-ip", *[f"10.0.1.{i}"
                                              for i in range(100)])
    e = p.wait("realm", denied=lambda d: len(d["items"]) == 64)
    assert e["denied"]["cut"]
    c("SET", "turn/realm/r/max-bps", "fast")
    p.wait("realm", max_bps=None, total_quota=100)
    p.wait_log("redis value is not usable", item="max-bps")


# --- logging in ---

def test_password(server, probe):
    s = server(password="open sesame")
    s.client()("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint, password="open sesame").up()
    assert p.ask("u")["md5"] == KEY
    for wrong in ({"password": "closed sesame"}, {},
                  {"user": "u", "password": "open sesame"}):
        p = probe(s.endpoint, **wrong)
        r = p.wait_log("redis unreachable")
        assert "refuses" in r["cause"] and "sesame" not in str(p.events)
        assert p.ask("u")["result"] == "unavailable"


# What turnpike.conf(5) says that a user needs.
RIGHTS = ["resetkeys", "resetchannels", "-@all", "~turn/realm/*",
          "~turnpike/realm/*", "&turnpike:changed",
          "&__keyspace@0__:turn/realm/*", "&__keyspace@0__:turnpike/realm/*",
          "+get", "+hmget", "+smembers", "+subscribe", "+psubscribe"]


def test_user_with_few_rights(server, probe):
    s = server()
    c = s.client()
    c("SET", coturn_key("u"), KEY)
    c("SADD", "turn/realm/r/secret", "north")
    c("ACL", "SETUSER", "turnpike", "on", ">geheim", *RIGHTS)
    p = probe(s.endpoint, user="turnpike", password="geheim").up()
    assert p.ask("u")["md5"] == KEY
    p.wait("secrets", count=1)
    # It may not ask whether there are notifications, but it hears one.
    assert p.status()["mode"] == "re-read"
    mark = p.mark()
    c("SET", coturn_key("u"), OTHER)
    p.wait("changed", mark)
    p.wait_log("redis changes are heard of", mark, mode="keyspace")
    assert p.ask("u")["md5"] == OTHER
    assert not p.logs("redis refuses to answer")
    # What it may not ask it asks once; whether the server lives, by a GET.
    before = calls(c, "get")
    redis.daemon.until(lambda: calls(c, "get") >= before + 2)
    assert calls(c, "dbsize", "rejected_calls") == 1
    assert calls(c, "config|get", "rejected_calls") == 1


def calls(client, command, what="calls"):
    """How often Redis was asked for it."""
    for line in client("INFO", "commandstats").decode().splitlines():
        name, _, rest = line.partition(":")
        if name == "cmdstat_" + command:
            return int(dict(p.split("=") for p in rest.split(","))[what])
    return 0


def test_user_who_may_not_listen_or_read(server, probe):
    s = server()
    c = s.client()
    c("SET", coturn_key("u"), KEY)
    c("ACL", "SETUSER", "deaf", "on", "nopass", "resetchannels",
      "~turn/realm/*", "~turnpike/realm/*", "+get", "+hmget", "+smembers")
    p = probe(s.endpoint, user="deaf", reread_s=1)
    p.wait_log("redis changes are not heard")
    assert p.ask("u")["md5"] == KEY
    assert p.status()["mode"] == "re-read"
    mark = p.mark()
    p.wait("flush", mark)
    c("ACL", "SETUSER", "deaf", "-hmget")
    assert p.ask("u")["result"] == "unavailable"
    p.wait_log("redis refuses to answer", user="u")


def test_database(server, probe):
    s = server()
    c = s.client()
    c("SELECT", 3)
    c("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint, database=3).up()
    assert p.ask("u")["md5"] == KEY
    mark = p.mark()
    s.client()("SET", coturn_key("u"), OTHER)
    c("SET", coturn_key("v"), OTHER)
    p.wait("changed", mark, name=b"v".hex())
    assert not [e for e in p.events[mark:] if e["event"] == "changed" and
                e["name"] == b"u".hex()]
    p = probe(s.endpoint, database=99)
    p.wait_log("redis unreachable", cause=lambda t: "DB index" in t)


# --- ways to the server ---

def test_unix_socket(server, probe):
    s = server()
    s.client()("SET", coturn_key("u"), KEY)
    p = probe(s.unix).up()
    assert p.ask("u")["md5"] == KEY
    assert p.status()["endpoint"] == s.unix
    p = probe(s.unix + ".not")
    p.wait_log("redis unreachable", cause="No such file or directory")


def test_host_name(server, probe):
    s = server()
    s.client()("SET", coturn_key("u"), KEY)
    p = probe(f"localhost:{s.port}").up()
    assert p.ask("u")["md5"] == KEY


def test_endpoints_in_order(server, probe, fake):
    closed = socket.create_server(("127.0.0.1", 0))
    hanging = fake(lambda connection, number: connection.recv(1 << 16) and
                   connection.recv(1))
    s = server()
    s.client()("SET", coturn_key("u"), KEY)
    port = closed.getsockname()[1]
    closed.close()
    p = probe(f"127.0.0.1:{port}", hanging.endpoint, s.endpoint,
              timeout_ms=300).up()
    assert p.ask("u")["md5"] == KEY
    assert p.status()["endpoint"] == s.endpoint


def test_tls(server, probe, tmp_path):
    tls = redis.Certificates(str(tmp_path))
    s = server(tls=tls)
    s.client()("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint, tls=1, ca=tls.ca).up()
    assert p.ask("u")["md5"] == KEY
    p.command("flood 2000 2000")
    assert p.wait("flood")["unknown"] == 2000
    p = probe(f"localhost:{s.port}", tls=1, ca=tls.ca, name="redis.test").up()
    assert p.ask("u")["md5"] == KEY


@pytest.mark.parametrize("settings, cause", [
    ({"name": "other.test"}, "ostname mismatch"),
    ({"name": "192.0.2.1"}, "IP address mismatch"),
    ({"ca": None}, "self-signed certificate in certificate chain|"
                   "unable to get local issuer certificate"),
])
def test_tls_refuses(server, probe, tmp_path, settings, cause):
    tls = redis.Certificates(str(tmp_path))
    s = server(tls=tls)
    settings = {"ca": tls.ca, **settings}
    p = probe(s.endpoint, tls=1,
              **{k: v for k, v in settings.items() if v})
    r = p.wait_log("redis unreachable")
    assert any(c in r["cause"] for c in cause.split("|")), r
    assert p.ask("u")["result"] == "unavailable"
    assert p.status()["connects"] == 0


def test_tls_and_not(server, probe, tmp_path):
    tls = redis.Certificates(str(tmp_path))
    with_tls, without = server(tls=tls), server()
    p = probe(with_tls.endpoint, timeout_ms=500)
    p.wait_log("redis unreachable")
    p = probe(without.endpoint, tls=1, ca=tls.ca, timeout_ms=500)
    p.wait_log("redis unreachable")


def test_tls_without_a_usable_file(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "none.pem"):
        p = redis.Probe("127.0.0.1:1", tls=1, ca=path)
        p.wait_log("redis TLS cannot be set up",
                   cause=lambda t, path=path: str(path) in t)
        p.process.wait(redis.WAIT_S)
        assert p.process.returncode == 1
        p.process.stdin.close()


# --- what changes ---

def test_changes_are_told(server, probe):
    s = server()
    c = s.client()
    p = probe(s.endpoint, workers=3).up()
    assert p.status()["mode"] == "keyspace"

    def told(name, *command):
        mark = p.mark()
        begin = time.monotonic()
        c(*command)
        for reader in range(3):
            e = p.wait("changed", mark, reader=reader, name=name.hex())
            assert e["at"] - begin < 1

    told(b"u", "SET", coturn_key("u"), KEY)
    told(b"u", "PEXPIRE", coturn_key("u"), 20)
    told(b"u", "GET", coturn_key("nobody"))  # by then it has expired
    told(b"v", "HSET", our_key("v"), "disabled", 1)
    told(b"v", "HDEL", our_key("v"), "disabled")
    told(b"w", "PUBLISH", "turnpike:changed", coturn_key("w"))
    told(b"w", "PUBLISH", "turnpike:changed", our_key("w"))
    for nothing in ("", "turn/realm/", "x", coturn_key("u", "other"),
                    coturn_key("x" * 509)):
        c("PUBLISH", "turnpike:changed", nothing)
    told(b"z", "SET", coturn_key("z"), KEY)


def test_everything_is_told(server, probe):
    s = server()
    c = s.client()
    for i in range(20):
        c("SET", coturn_key(f"u{i}"), KEY)
    p = probe(s.endpoint, workers=2).up()
    mark = p.mark()
    c("PUBLISH", "turnpike:changed", "*")
    for reader in (0, 1):
        p.wait("flush", mark, reader=reader)
    mark = p.mark()
    time.sleep(1.2)  # until the store has looked how many keys there are
    c("FLUSHDB")
    e = p.wait("flush", mark)
    assert e["event"] == "flush"


def test_without_notifications(server, probe):
    s = server(notify="")
    c = s.client()
    p = probe(s.endpoint, reread_s=1).up()
    assert p.status()["mode"] == "re-read"
    c("SADD", "turn/realm/r/secret", "north")
    p.wait("secrets", count=1, wait_s=5)
    mark = p.mark()
    p.wait("flush", mark, wait_s=5)
    p.wait("flush", p.mark(), wait_s=5)
    c("PUBLISH", "turnpike:changed", coturn_key("u"))
    p.wait("changed", name=b"u".hex())
    p.wait_log("redis changes are heard of", mode="channel")
    # Turned on while we are connected: noticed when it is next read again.
    c("CONFIG", "SET", "notify-keyspace-events", "KA")
    p.wait_log("redis changes are heard of", mode="keyspace")


def test_a_reader_that_lags_is_flushed(server, probe):
    s = server()
    c = s.client()
    p = probe(s.endpoint).up()
    p.ask("u")
    p.command("hold")
    before = p.status()["changes"]
    mark = p.mark()
    for i in range(5000):
        c.send("SET", coturn_key(f"u{i}"), KEY)
    for i in range(5000):
        c.read()
    redis.daemon.until(lambda: p.status()["changes"] == before + 5000, 30)
    ticket = p.send("late")
    redis.daemon.until(lambda: p.status()["dropped"] == 1, 30)
    p.command("release")
    p.wait("flush", mark)
    changed = [e for e in p.events[mark:] if e["event"] == "changed"]
    assert len(changed) < 5000
    # Its answer found no room; the next one does.
    assert p.ask("u1")["result"] == "found"
    assert p.status()["dropped"] == 1
    assert not [e for e in p.events if e.get("ticket") == ticket]


# --- many ---

def test_ten_thousand_questions(server, probe):
    s = server()
    p = probe(s.endpoint, workers=4, timeout_ms=5000).up()
    p.command("flood 10000 10000")
    e = p.wait("flood")
    assert e["unknown"] == 10000 and e["unavailable"] == 0
    assert e["ms"] < 5000


def test_questions_for_one_user_are_joined(server, probe):
    s = server()
    p = probe(s.endpoint, workers=4, timeout_ms=5000).up()
    s.signal(signal.SIGSTOP)
    before = p.status()["queries"]
    # All answers come at once: no more than the readers have room for.
    p.command("flood 8000 10")
    s.signal(signal.SIGCONT)
    assert p.wait("flood")["unknown"] == 8000
    assert p.status()["queries"] - before < 8000


# --- a server that goes away ---

def test_killed_and_restarted(server, probe):
    s = server()
    s.client()("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint, workers=2).up()
    assert p.ask("u")["md5"] == KEY
    s.kill()
    p.wait_log("redis lost")
    p.wait_log("redis unreachable")
    begin = time.monotonic()
    a = p.ask("u")
    assert a["result"] == "unavailable" and a["at"] - begin < 0.5
    while time.monotonic() < begin + 4:  # until the pauses are long
        assert p.ask("u")["result"] == "unavailable"
        time.sleep(0.1)
    mark = p.mark()
    s.start()
    back = time.monotonic()
    p.wait_log("redis connected", mark)
    assert time.monotonic() - back < 1
    for reader in (0, 1):
        p.wait("flush", mark, reader=reader)
    assert p.ask("u")["result"] == "unknown"
    # One line when it was lost, one when it could not be reached.
    assert len(p.logs("redis unreachable")) == 1


def test_hanging(server, probe):
    s = server()
    s.client()("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint, timeout_ms=400).up()
    s.signal(signal.SIGSTOP)
    begin = time.monotonic()
    a = p.ask("u")
    assert a["result"] == "unavailable" and a["at"] - begin < 2
    p.wait_log("redis lost", cause="no answer within the time-out")
    mark = p.mark()
    before = p.status()["passes"]
    time.sleep(1)
    assert p.status()["passes"] > before
    s.signal(signal.SIGCONT)
    back = time.monotonic()
    p.wait_log("redis connected", mark)
    assert time.monotonic() - back < 1.5
    p.wait_log("redis changes are heard of", mark)
    assert p.ask("u")["md5"] == KEY


def test_slow(server, probe):
    s = server()
    c = s.client()
    c("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint, timeout_ms=3000).up()
    c.send("DEBUG", "SLEEP", "1")
    assert p.ask("u")["md5"] == KEY
    c.read()
    assert p.status()["connects"] == 1


def test_closed_by_the_server(server, probe):
    s = server()
    c = s.client()
    c("SET", coturn_key("u"), KEY)
    p = probe(s.endpoint).up()
    for kind in ("normal", "pubsub"):
        mark = p.mark()
        c("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        # Whatever was closed, changes may have gone unheard.
        p.wait("flush", mark)
        p.wait_log("redis changes are heard of", mark) \
            if kind == "normal" else None
        assert p.ask("u")["md5"] == KEY
    mark = p.mark()
    c("SET", coturn_key("u"), OTHER)
    p.wait("changed", mark)


SENTINEL = """sentinel monitor mymaster 127.0.0.1 {port} 1
sentinel down-after-milliseconds mymaster 500
sentinel failover-timeout mymaster 3000
"""


def test_sentinel(server, probe):
    first = server("--repl-diskless-sync-delay", "0")
    second = server("--replicaof", "127.0.0.1", str(first.port))
    first.client()("SET", coturn_key("u"), KEY)
    c = second.client()
    redis.daemon.until(lambda: c("GET", coturn_key("u")), 15)
    sentinel = server(sentinel=SENTINEL.format(port=first.port))
    sc = sentinel.client()
    redis.daemon.until(lambda: sc("SENTINEL", "REPLICAS", "mymaster"), 15)
    dead = socket.create_server(("127.0.0.1", 0))
    port = dead.getsockname()[1]
    dead.close()
    p = probe(f"127.0.0.1:{port}", sentinel.endpoint, sentinel="mymaster").up()
    assert p.ask("u")["md5"] == KEY
    assert p.status()["endpoint"] == first.endpoint
    mark = p.mark()
    first.kill()
    p.wait_log("redis connected", mark, server=second.endpoint)
    p.wait("flush", mark)
    assert p.ask("u")["md5"] == KEY
    # One that was a master and no longer is one is left.
    mark = p.mark()
    second.client()("REPLICAOF", "127.0.0.1", port)
    p.wait_log("redis lost", mark, cause="the server is no longer a master")
    unknown = probe(sentinel.endpoint, sentinel="other")
    unknown.wait_log("redis unreachable", cause="Sentinel knows no such master")


# --- servers that lie ---

def garbage(data, first_answers=0):
    """A server that answers well for a while, and then with `data`."""
    def serve(connection, _number):
        file = connection.makefile("rb")
        for _ in range(first_answers):
            redis.read_command(file)
            connection.sendall(b"$-1\r\n")
        redis.read_command(file)
        try:
            connection.sendall(data)
            while redis.read_command(file):
                connection.sendall(data)
        except ValueError:
            pass
    return serve


ANSWERS = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "nothing-known": b"!5\r\nhello\r\n",
    "resp3": b"%1\r\n+a\r\n+b\r\n",
    "length": b"$12345678901234567890\r\n",
    "negative": b"$-2\r\n",
    "wrong-end": b"$1\r\nabc",
    "array": b"*2147483648\r\n",
    "deep": b"*1\r\n" * 10000,
    "zeros": b"\0" * 1000,
    "line": b"+" + b"a" * 70000 + b"\r\n",
    "status": b"+OK\r\n",
    "number": b":1\r\n",
    "empty-array": b"*0\r\n",
    "null-array": b"*-1\r\n",
    "nested": b"*5\r\n*1\r\n$1\r\na\r\n*0\r\n$-1\r\n:1\r\n-ERR\r\n",
    "error": b"-ERR %s%n\x1b[2J\r\n",
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "masterdown": b"-MASTERDOWN Link with MASTER is down\r\n",
    "moved": b"-MOVED 3999 127.0.0.1:6381\r\n",
    "readonly": b"-READONLY You can't write against a read only replica.\r\n",
    "more-than-asked": b"$-1\r\n" * 1000,
    "half": b"$100\r\nabc",
}


@pytest.mark.parametrize("first", [0, 20])
@pytest.mark.parametrize("kind", ANSWERS)
def test_any_answer(fake, probe, kind, first):
    f = fake(garbage(ANSWERS[kind], first))
    p = probe(f.endpoint, timeout_ms=300)
    tickets = [p.send(f"u{i}") for i in range(20)]
    for ticket in tickets:
        assert p.answer(ticket)["result"] != "found"
    assert p.status()["passes"] > 0


@pytest.mark.parametrize("data", [b"+" + b"a" * 100000,
                                  b"*1000000\r\n" + b":1\r\n" * 100000,
                                  b"$16000000\r\n", b"$-1\r\n" * 100000],
                         ids=["line", "array", "string", "answers"])
def test_flood(fake, probe, data):
    """Without an end: the memory of the store does not grow with it."""
    def serve(connection, _number):
        connection.sendall(data)
        while True:
            connection.sendall(b"a" * 1000000 if b"$16" in data else data)

    f = fake(serve)
    p = probe(f.endpoint, timeout_ms=1000)
    p.wait_log("redis unreachable")
    before = resident_kb(p)
    for _ in range(10):
        assert p.ask("u")["result"] == "unavailable"
    count = f.count
    redis.daemon.until(lambda: f.count > count + 3)
    assert resident_kb(p) < before + 4000
    # The attempts have pauses between them, and not a line each.
    assert f.count < 200 and len(p.events) < 100


def resident_kb(p):
    with open(f"/proc/{p.process.pid}/status", encoding="ascii") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise AssertionError("no VmRSS")


def test_changed_while_it_is_asked(fake, probe):
    """An answer that was on its way when the user changed is not given."""
    listeners = []
    gets = []

    def serve(connection, _number):
        file = connection.makefile("rb")
        while True:
            command = redis.read_command(file)
            name = command[0].upper()
            if name == b"SUBSCRIBE":
                connection.sendall(b"*3\r\n$9\r\nsubscribe\r\n$16\r\n"
                                   b"turnpike:changed\r\n:1\r\n")
                listeners.append(connection)
            elif name == b"PSUBSCRIBE":
                for pattern in command[1:]:
                    connection.sendall(
                        b"*3\r\n$10\r\npsubscribe\r\n$%d\r\n%s\r\n:2\r\n"
                        % (len(pattern), pattern))
            elif name == b"GET" and command[1] == coturn_key("u"):
                gets.append(command)
                key = KEY if len(gets) == 1 else OTHER
                if len(gets) == 1:
                    listeners[0].sendall(
                        b"*3\r\n$7\r\nmessage\r\n$16\r\nturnpike:changed\r\n"
                        b"$%d\r\n%s\r\n" % (len(command[1]), command[1]))
                    p.wait("changed", name=b"u".hex())
                connection.sendall(b"$32\r\n%s\r\n" % key.encode())
            elif name == b"HMGET":
                connection.sendall(b"*5\r\n" + b"$-1\r\n" * 5)
            else:
                connection.sendall(b"$-1\r\n")

    f = fake(serve)
    p = probe(f.endpoint, timeout_ms=5000)
    p.wait_log("redis changes are heard of")
    assert p.ask("u")["md5"] == OTHER
    assert len(gets) == 2


def test_only_reads(server, probe):
    """Everything the store ever says, as Redis heard it."""
    s = server()
    monitor = s.client()
    monitor("MONITOR")
    c = s.client()
    p = probe(s.endpoint, reread_s=1, user="default", password="x",
              database=1).up()
    for name in NAMES:
        p.ask(name)
    for _ in range(2):
        p.wait_log("redis connected")
        p.status()
    time.sleep(1.5)  # reading again, and looking whether it lives
    c("ECHO", "the end")
    seen = set()
    while True:
        line = monitor.read().decode("latin-1")
        word = line.split('"')[1].upper()
        if word == "ECHO":
            break
        if "127.0.0.1" in line:
            seen.add(word)
    assert seen <= {"AUTH", "SELECT", "GET", "HMGET", "SMEMBERS", "DBSIZE",
                    "CONFIG", "SUBSCRIBE", "PSUBSCRIBE", "ROLE"}
    assert {"GET", "HMGET", "SMEMBERS"} <= seen
