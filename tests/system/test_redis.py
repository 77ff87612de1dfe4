"""Users, secrets and limits in Redis, and what comes of them at once."""

import os
import random
import signal
import subprocess
import time

import pytest

import coturn
import redis
import stun
from daemon import until
from test_credentials import RawName, minted
from test_reload import CHANNEL, Flow, expect_ended, on_each_worker
from workers import socket_on

pytestmark = [
    pytest.mark.turnpike,
    pytest.mark.skipif(not redis.find_server(),
                       reason="no redis-server (./bootstrap check)"),
]

REALM = "example.org"
PASSWORD = "canary-redis"


@pytest.fixture(scope="module")
def common():
    """The Redis of most tests, which empty it."""
    made = redis.Server(password=PASSWORD)
    yield made
    made.remove()


@pytest.fixture
def store(common):
    client = common.client()
    client("FLUSHALL")
    client("CONFIG", "SET", "notify-keyspace-events", "KA")
    return client


@pytest.fixture
def own():
    """A Redis to be ill-treated."""
    made = []

    def start(*args, **how):
        made.append(redis.Server(*args, **how))
        return made[-1]

    yield start
    for s in made:
        s.remove()


def key_of(name, realm=REALM):
    name = name if isinstance(name, bytes) else name.encode()
    return b"turn/realm/%s/user/%s/key" % (realm.encode(), name)


def hash_of(name, realm=REALM):
    name = name if isinstance(name, bytes) else name.encode()
    return b"turnpike/realm/%s/user/%s" % (realm.encode(), name)


def item(name, realm=REALM):
    return f"turn/realm/{realm}/{name}"


def md5(name, password="secret", realm=REALM):
    return stun.key_md5(name, realm, password).hex()


def sha256(name, password="secret", realm=REALM):
    return stun.key_sha256(name, realm, password).hex()


def options(server, **more):
    login = {"password": server.password} if server.password else {}
    return {"endpoints": [server.endpoint], **login, **more}


def heard(server):
    server.await_log("redis changes are heard of")
    return server


@pytest.fixture
def with_redis(daemon, common):
    def start(at=None, redis=None, **how):
        made = daemon(redis=options(at or common, **(redis or {})), **how)
        return heard(made)
    return start


def allocate(make, server, *args, **how):
    c = make(server, *args, **how)
    c.allocate()
    return c


def eventually(make, server, expect, *args, **how):
    """What Redis was told is in force within a second."""
    def is_so():
        c = make(server, *args, **how)
        error = c.allocate(expect="any").error
        if error is None:
            c.refresh(0)
        return error == expect
    until(is_so, 1)

# Users.

def test_users_of_both_schemas(with_redis, client, store):
    store("SET", key_of("old"), md5("old"))
    store("HSET", hash_of("new"), "md5", md5("new"), "sha256", sha256("new"))
    server = with_redis()
    for name in ("old", "new"):
        for legacy in (True, False):
            allocate(client, server, name, legacy=legacy).refresh()
    allocate(client, server)  # of the file
    client(server, "old", "wrong").allocate(expect=401)
    client(server, "nobody").allocate(expect=401)


def test_sha256_is_offered(with_redis, client, store):
    store("HSET", hash_of("new"), "sha256", sha256("new"))
    server = with_redis(redis={"sha256": "on"})
    c = client(server, "new", algorithm=stun.SHA256)
    c.allocate()
    assert c.choose() == stun.SHA256


def test_a_user_of_its_own_limits(with_redis, client, peer, store):
    store("HSET", hash_of("new"), "md5", md5("new"), "allocations", 2,
          "rate", 1000)
    server = with_redis()
    far = peer()
    c = allocate(client, server, "new")
    c.bind_channel(CHANNEL, far.address)
    allocate(client, server, "new")
    client(server, "new").allocate(expect=486)
    for _ in range(131):
        c.send_channel(CHANNEL, b"z" * 972)
    c.answered_only()
    got = 0
    while True:
        far.sock.settimeout(0.3)
        try:
            far.sock.recv(2000)
        except TimeoutError:
            break
        got += 1
    assert 60 < got < 72  # the least burst there is
    server.await_log("a limit of the data path is reached")


@pytest.mark.parametrize("name", [
    b"nul\0nul", b"cr\r\nSET a b\r\n", b"%s%n", b"*",
    b"a/user/b/key", b"x" * 508, b"J\xc3\xbcrgen"], ids=lambda n: repr(n)[:20])
def test_odd_names(with_redis, client, store, name):
    key = stun.hashlib.md5(name + b":" + REALM.encode() + b":secret")
    store("SET", key_of(name), key.hexdigest())
    server = with_redis()
    raw = RawName(name)
    ok = allocate(client, server, raw, key_md5=key.digest(), legacy=True)
    ok.refresh()
    assert store("DBSIZE") == 1
    store("DEL", key_of(name))
    server.await_log("session ended.*cause=revoked")


@pytest.mark.parametrize("name", [b"x" * 509, b"\xff\xfe\x80"],
                         ids=["509 bytes", "no UTF-8"])
def test_what_is_no_name(with_redis, client, store, name):
    store("SET", key_of(name), "0" * 32)
    server = with_redis()
    c = client(server, RawName(name), key_md5=bytes(16), legacy=True)
    assert c.allocate(expect="any").error in (400, 401)
    allocate(client, server)


def test_values_that_are_no_keys(with_redis, client, store):
    values = {"short": "0" * 31, "no-hex": "g" * 32, "empty": "",
              "huge": "g" * 100_000}
    for name, value in values.items():
        store("SET", key_of(name), value)
    store("RPUSH", key_of("list"), md5("list"))
    store("SET", hash_of("string"), md5("string"))
    store("HSET", hash_of("rate"), "md5", md5("rate"), "rate", "fast")
    # coturn reads the first 32 digits and lets the rest be.
    store("SET", key_of("long"), md5("long") + "0")
    server = with_redis()
    allocate(client, server, "long")
    for name in (*values, "list", "string"):
        assert client(server, name, key_md5=bytes(16),
                      legacy=True).allocate(expect="any").error in (401, 500)
    server.await_log("not usable")
    allocate(client, server)


def test_two_realms(with_redis, client, store):
    port = random.randrange(20000, 32000)
    store("SET", key_of("bob"), md5("bob", "one"))
    store("SET", key_of("bob", "b.example"), md5("bob", "two", "b.example"))
    store("SET", item("user-quota", "b.example"), 1)
    server = with_redis(port=port, listen=[
        {"transport": "udp", "address": "127.0.0.1", "port": port},
        {"transport": "udp", "address": "127.0.0.1", "port": port + 1,
         "realm": "b.example"}])
    other = ("127.0.0.1", port + 1)
    for _ in range(2):
        allocate(client, server, "bob", "one")
    b = allocate(client, other, "bob", "two")
    client(other, "bob", "two").allocate(expect=486)
    client(server, "bob", "two").allocate(expect=401)
    client(other, "bob", "one").allocate(expect=401)
    store("DEL", key_of("bob", "b.example"))
    server.await_log("session ended.*realm=b.example.*cause=revoked")
    b.refresh(expect=401)
    assert not server.lines("session ended.*realm=example.org")


def test_secrets_of_the_realm(with_redis, client, store):
    store("SADD", item("secret"), "canary-one", "canary-two")
    server = with_redis()
    users = [allocate(client, server, *minted(f"canary-{n}", name=n))
             for n in ("one", "two")]
    client(server, *minted("canary-three", name="x")).allocate(expect=401)
    store("SREM", item("secret"), "canary-one")
    eventually(client, server, 401, *minted("canary-one", name="again"))
    for c in users:
        c.refresh()
    store("SADD", item("secret"), "canary-three")
    eventually(client, server, None, *minted("canary-three", name="x"))


def test_a_withdrawn_secret(with_redis, client, store):
    store("SADD", item("secret"), "canary-one", "canary-two")
    server = with_redis(time_limited={"end_withdrawn": "on"})
    one, two = [allocate(client, server, *minted(f"canary-{n}", name=n))
                for n in ("one", "two")]
    began, since = time.monotonic(), len(server.log)
    store("SREM", item("secret"), "canary-one")
    expect_ended(server, since, 1, "password or secret is not valid", began)
    two.refresh()
    began, since = time.monotonic(), len(server.log)
    store("DEL", item("secret"))
    expect_ended(server, since, 1, "no source knows the user", began)
    one.refresh(expect=401)


def test_options_of_the_realm(with_redis, client, store):
    store("SET", item("user-quota"), 1)
    store("SET", key_of("bob"), md5("bob"))
    server = with_redis(users=[])
    bob = allocate(client, server, "bob")
    client(server, "bob").allocate(expect=486)
    store("SET", item("total-quota"), 1)
    store("DEL", item("user-quota"))
    eventually(client, server, 508, "bob")
    bob.refresh()
    store("DEL", item("total-quota"))
    eventually(client, server, None, "bob")
    store("SET", item("user-quota"), "many")
    server.await_log("redis value is not usable.*user-quota")


def test_the_rate_of_the_realm(with_redis, client, peer, store):
    store("SET", item("max-bps"), 1000)
    server = with_redis()
    far = peer()
    c = allocate(client, server)
    c.bind_channel(CHANNEL, far.address)
    for _ in range(200):
        c.send_channel(CHANNEL, b"z" * 972)
    c.answered_only()
    server.await_log("a limit of the data path is reached")


def test_peers_of_the_realm(with_redis, client, peer, store):
    store("SADD", item("allowed-peer-ip"), "127.0.0.2")
    store("SADD", item("denied-peer-ip"), "8.8.8.8", "9.0.0.0-9.0.0.9", "?")
    server = with_redis(peers={})
    server.await_log("peer rules in Redis cannot be used count=1")
    far = peer(("127.0.0.2", 0))
    c = allocate(client, server)
    c.bind_channel(CHANNEL, far.address)
    for ip, error in (("127.0.0.3", 403), ("8.8.8.8", 403), ("9.0.0.7", 403),
                      ("8.8.4.4", None)):
        c.permit(ip, expect=error)
    # A running flow stops, and goes on.
    c.send_channel(CHANNEL, b"one")
    assert far.receive()[0] == b"one"
    store("SREM", item("allowed-peer-ip"), "127.0.0.2")
    until(lambda: c.permit("127.0.0.2", expect="any").error == 403, 1)
    c.send_channel(CHANNEL, b"two")
    c.answered_only()
    store("SADD", item("allowed-peer-ip"), "127.0.0.2")
    until(lambda: c.permit("127.0.0.2", expect="any").error is None, 1)
    c.send_channel(CHANNEL, b"three")
    assert far.receive()[0] == b"three"


def test_too_many_denied_peers(with_redis, client, store):
    store("SADD", item("denied-peer-ip"), *(f"9.0.0.{i}" for i in range(65)))
    store("SADD", item("allowed-peer-ip"), "9.9.9.9")
    server = with_redis(peers={})
    server.await_log("a list of denied peers in Redis is too long")
    c = allocate(client, server)
    c.permit("9.9.9.9")
    c.permit("8.8.8.8", expect=403)
    store("DEL", item("denied-peer-ip"))
    until(lambda: c.permit("8.8.8.8", expect="any").error is None, 1)

# Revocation.

@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("how", ["delete", "disable", "key"])
def test_a_user_goes(with_redis, client, peer, store, how, workers):
    store("HSET", hash_of("bob"), "md5", md5("bob"))
    server = with_redis(workers=workers)
    clients = on_each_worker(client, server, workers, "bob", "secret")
    with Flow(client(server), peer()):
        began, since = time.monotonic(), len(server.log)
        if how == "delete":
            store("DEL", hash_of("bob"))
        elif how == "disable":
            store("HSET", hash_of("bob"), "disabled", "yes")
        else:
            store("HSET", hash_of("bob"), "md5", md5("bob", "other"))
        expect_ended(server, since, workers,
                     {"delete": "no source knows the user",
                      "disable": "the user is disabled",
                      "key": "password or secret is not valid"}[how], began)
        clients[0].refresh(expect=401)


@pytest.mark.parametrize("by", ["channel", "reread"])
def test_without_notifications(with_redis, client, store, by):
    store("CONFIG", "SET", "notify-keyspace-events", "")
    store("SET", key_of("bob"), md5("bob"))
    server = with_redis(redis={"reread": "1s" if by == "reread" else "1h"})
    bob = allocate(client, server, "bob")
    began, since = time.monotonic(), len(server.log)
    store("DEL", key_of("bob"))
    if by == "channel":
        assert store("PUBLISH", "turnpike:changed", key_of("bob")) == 1
    server.await_log("session ended.*user=bob.*cause=revoked", since=since)
    assert time.monotonic() < began + (2.5 if by == "reread" else 1)
    bob.refresh(expect=401)


def test_everything_goes(with_redis, client, store):
    store("SET", key_of("bob"), md5("bob"))
    server = with_redis()
    allocate(client, server, "bob")
    began, since = time.monotonic(), len(server.log)
    store("FLUSHALL")
    # An event of FLUSHALL names no key: it is heard of by reading again.
    server.signal(signal.SIGHUP)
    expect_ended(server, since, 1, "no source knows the user", began)

# Redis that is not well.

def test_without_redis(daemon, client):
    server = daemon(redis={"endpoints": ["127.0.0.1:1"]})
    allocate(client, server).refresh()
    client(server, "bob").allocate(expect=500)
    assert "Redis" in server.notified[0]


def test_redis_dies_under_load(with_redis, client, peer, own):
    at = own()
    store = at.client()
    for name in ("bob", "carol"):
        store("SET", key_of(name), md5(name))
    server = with_redis(at, redis={"ttl": "1s"})
    assert "Redis" in server.notified[0]
    flows = [Flow(client(server, name, sock=socket_on(i, 2)), peer())
             for i, name in enumerate(["bob", "carol"])]
    since = len(server.log)
    with flows[0], flows[1]:
        at.kill()
        server.await_log("warning redis", since=since)
        sent = flows[0].sent
        until(lambda: flows[0].sent > sent + 300)
        # Known here and there, and for longer than its ttl.
        for i, name in enumerate(["bob", "carol"]):
            allocate(client, server, name, sock=socket_on(i, 2))
        client(server, "nobody").allocate(expect=500)
    assert all(f.received == f.sent for f in flows)
    down = len(server.log)
    at.start()
    began = time.monotonic()
    server.await_log("redis connected", since=down)
    assert time.monotonic() < began + 1
    # The new server has nobody, and says so.
    server.await_log("session ended.*user=bob.*cause=revoked", since=down)


def test_known_users_refresh_while_redis_is_away(with_redis, client, own):
    at = own()
    at.client()("SET", key_of("bob"), md5("bob"))
    server = with_redis(at)
    bobs = [allocate(client, server, "bob") for _ in range(50)]
    since = len(server.log)
    at.kill()
    server.await_log("redis", since=since)
    for c in bobs:
        c.refresh()
        c.permit("127.0.0.1")
    assert not server.lines("session ended")


def test_redis_hangs(with_redis, client, own):
    at = own()
    at.client()("SET", key_of("bob"), md5("bob"))
    server = with_redis(at, redis={"timeout": "1s"})
    bob = allocate(client, server, "bob")
    at.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        client(server, "nobody").allocate(expect=500)
        assert time.monotonic() < began + 3
        bob.refresh()
        allocate(client, server).refresh()
    finally:
        at.signal(signal.SIGCONT)
    eventually(client, server, 401, "nobody")
    bob.refresh()


@pytest.mark.parametrize("reply", [
    b"$-7\r\n", b"*3\r\n$1\r\n", b":1\r\n" * 10000, b"$536870912\r\nxxxx",
    b"*1000000\r\n" * 50, b"HTTP/1.1 400 Bad\r\n\r\n", b"+OK\r\n" * 3,
    os.urandom(65536)], ids=lambda r: repr(r[:12]))
def test_redis_lies(daemon, client, reply):
    def serve(connection, _):
        while connection.recv(4096):
            connection.sendall(reply)

    fake = redis.Fake(serve)
    try:
        server = daemon(redis={"endpoints": [fake.endpoint], "timeout": "1s"})
        c = allocate(client, server)
        assert client(server, "bob").allocate(expect="any").error in (401, 500)
        c.refresh()
        assert server.rss_kb() < 200_000
    finally:
        fake.remove()

# Many.

def test_many_users(with_redis, client, store):
    """100,000 there, 20,000 asked for, 1,000 remembered."""
    for begin in range(0, 100_000, 1000):
        pairs = ((key_of(f"u{i}"), "0" * 32)
                 for i in range(begin, begin + 1000))
        store("MSET", *(part for pair in pairs for part in pair))
    server = with_redis(redis={"cache": 1000})
    clients = [client(server, "u0", key_md5=bytes(16), legacy=True,
                      sock=socket_on(i, 2)) for i in (0, 1)]
    for c in clients:
        c.get_challenge()
    began = time.monotonic()
    # 437: whoever it is, there is no allocation.
    before = server.rss_kb()
    look_up(clients, range(0, 100_000, 5))
    grown = server.rss_kb() - before
    print(f"20,000 users in {time.monotonic() - began:.1f} s, {grown} KiB "
          f"more of {server.rss_kb()} KiB")
    # What is sized at the start is touched as it is used, and no more.
    assert grown < 16 << 10


def look_up(clients, users, window=4):
    """As many at a time as may wait at one address."""
    sent = []
    for i in [*users, *[None] * window]:
        if i is not None:
            c = clients[i // 5 % 2]
            c.user = f"u{i}"
            c.raw(c.build(stun.REFRESH))
            sent.append(c)
        if i is None or len(sent) == window:
            answer = sent.pop(0).read(2)
            assert stun.Message(answer).error == 437, stun.Message(answer)
        if not sent:
            break


def test_uclient(with_redis, store):
    found = coturn.find("turnutils_uclient")
    if not found:
        pytest.skip("turnutils_uclient of Debian's coturn: set COTURN_DIR")
    program, env = found
    store("SET", key_of("bob"), md5("bob"))
    server = with_redis()
    done = subprocess.run(
        [program, "-s", "-y", "-c", "-u", "bob", "-w", "secret", "-n", "10",
         "-m", "2", "-z", "5", "-p", str(server.address[1]),
         server.address[0]],
        env={**os.environ, **env}, capture_output=True, text=True,
        timeout=60, stdin=subprocess.DEVNULL)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "Total lost packets 0 (" in text, text


def test_no_secret_leaves_the_daemon(with_redis, client, store, common):
    store("SET", key_of("bob"), md5("bob"))
    store("SADD", item("secret"), "canary-one")
    store("SET", key_of("broken"), "canary-broken")
    server = with_redis(log={"level": "debug"})
    allocate(client, server, "bob")
    allocate(client, server, *minted("canary-one"))
    client(server, "broken").allocate(expect="any")
    store("SREM", item("secret"), "canary-one")
    store("DEL", key_of("bob"))
    server.await_log("session ended.*user=bob")
    server.signal(signal.SIGHUP)
    server.await_log("reloaded")
    server.stop()
    text = "\n".join(server.log + server.notified).lower()
    assert "canary" not in text and md5("bob") not in text


def test_the_status_names_redis(with_redis):
    server = with_redis()
    server.await_notify(
        "STATUS=1 listeners, 0 allocations, Redis up (keyspace)")
