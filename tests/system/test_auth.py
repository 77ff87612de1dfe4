"""The long-term credential mechanism (RFC 8489 section 9.2)."""

import base64
import time

import pytest

import stun
from turnclient import TurnClient, features

MD5_KEY = stun.key_md5("bob", "example.org", "builder").hex()


def test_challenge(daemon, client):
    answer = client(daemon()).get_challenge()
    assert answer.get(stun.REALM) == b"example.org"
    assert not answer.has(stun.MESSAGE_INTEGRITY)
    assert not answer.has(stun.MESSAGE_INTEGRITY_SHA256)
    assert not answer.has(stun.USERNAME)


@pytest.mark.turnpike
@pytest.mark.parametrize("realm", ["r", "example.org", "x" * 127],
                         ids=len)
def test_challenge_is_small(daemon, client, realm):
    """What strangers get must not be worth a reflector's while."""
    users = [{"name": "bob", "key_md5": MD5_KEY}]
    c = client(daemon(realm=realm, users=users))
    answer = c.get_challenge()
    assert len(answer.raw) <= 76 + len(realm) + -len(realm) % 4
    assert answer.reason == ""
    assert len(c.nonce) <= 28
    assert not answer.has(stun.SOFTWARE)
    assert not answer.has(stun.FINGERPRINT)


@pytest.mark.turnpike
def test_sha256_is_offered_if_all_users_can(daemon, client):
    c = client(daemon())
    answer = c.get_challenge()
    assert answer.algorithms == [stun.SHA256, stun.MD5]
    assert features(c.nonce) & 0x800000


@pytest.mark.turnpike
def test_one_md5_key_takes_sha256_off_the_list(daemon, client):
    """A client must take the first algorithm it knows, so offering what one
    user cannot do would lock that user out."""
    server = daemon(users=[{"name": "alice", "password": "secret"},
                           {"name": "bob", "key_md5": MD5_KEY}])
    c = client(server, "bob", "builder")
    answer = c.get_challenge()
    assert answer.algorithms in ([], [stun.MD5])
    c.allocate()
    client(server).allocate()


def test_key_md5_user(daemon, client):
    server = daemon(users=[{"name": "bob", "key_md5": MD5_KEY}])
    client(server, "bob", "builder").allocate()


@pytest.mark.turnpike
@pytest.mark.parametrize("algorithm", [stun.SHA256, stun.MD5])
def test_each_listed_algorithm(daemon, client, algorithm):
    """Whichever is chosen, integrity is MESSAGE-INTEGRITY-SHA256."""
    c = client(daemon(), algorithm=algorithm)
    c.get_challenge()
    assert c.choose() == algorithm
    c.allocate()
    c.refresh()


def test_client_of_rfc_5389(daemon, client):
    """No PASSWORD-ALGORITHM in the request: MD5 and MESSAGE-INTEGRITY."""
    c = client(daemon(), legacy=True)
    c.allocate()
    c.refresh(0)


@pytest.mark.turnpike
def test_userhash(daemon, client):
    c = client(daemon(), use_hash=True)
    c.get_challenge()
    assert features(c.nonce) & 0x400000
    c.allocate()
    c.refresh(0)


@pytest.mark.turnpike
def test_username_is_accepted_beside_userhash(daemon, client):
    client(daemon(), use_hash=False).allocate()


@pytest.mark.turnpike
def test_userhash_of_nobody(daemon, client):
    c = client(daemon(), "mallory", use_hash=True)
    c.get_challenge()
    assert c.exchange(c.build(stun.ALLOCATE, [
        stun.requested_transport()])).error == 401


@pytest.mark.parametrize("legacy", [False, True])
def test_wrong_password_looks_like_unknown_user(daemon, client, legacy):
    server = daemon()
    answers = []
    for user, password in (("alice", "wrong!"), ("mallet", "secret")):
        c = client(server, user, password, legacy=legacy)
        c.get_challenge()
        answers.append(c.exchange(c.build(stun.ALLOCATE, [
            stun.requested_transport()])))
    a, b = answers
    assert a.error == b.error == 401
    assert len(a.raw) == len(b.raw)
    assert [(k, len(v)) for k, v in a.attrs] == \
        [(k, len(v)) for k, v in b.attrs]
    assert a.has(stun.NONCE) and a.has(stun.REALM)
    assert not a.has(stun.MESSAGE_INTEGRITY)


@pytest.mark.parametrize("missing", [stun.USERNAME, stun.REALM, stun.NONCE])
def test_incomplete_credential_is_400(daemon, client, missing):
    c = client(daemon(), use_hash=False)
    c.get_challenge()
    answer = c.exchange(c.build(stun.ALLOCATE, [stun.requested_transport()],
                                without=(missing,)))
    assert answer.error == 400
    assert not answer.has(stun.MESSAGE_INTEGRITY)


@pytest.mark.turnpike
def test_400_tells_nothing(daemon, client):
    c = client(daemon())
    c.get_challenge()
    answer = c.exchange(c.build(stun.ALLOCATE, [stun.requested_transport()],
                                without=(stun.REALM,)))
    assert [kind for kind, _ in answer.attrs] == [stun.ERROR_CODE]


@pytest.mark.turnpike
@pytest.mark.parametrize("case", ["only the list", "only the choice",
                                  "shorter list", "longer list",
                                  "choice not listed"])
def test_bid_down_is_400(daemon, client, case):
    """RFC 8489 9.2.4: the list must be the one that came with the nonce,
    and the choice one of it."""
    c = client(daemon())
    c.get_challenge()
    offered = c.offered
    md5, unknown = stun.algorithms(stun.MD5), stun.algorithms(7)
    attrs = {
        "only the list": [(stun.PASSWORD_ALGORITHMS, offered)],
        "only the choice": [(stun.PASSWORD_ALGORITHM, md5)],
        "shorter list": [(stun.PASSWORD_ALGORITHMS, md5),
                         (stun.PASSWORD_ALGORITHM, md5)],
        "longer list": [(stun.PASSWORD_ALGORITHMS, offered + unknown),
                        (stun.PASSWORD_ALGORITHM, md5)],
        "choice not listed": [(stun.PASSWORD_ALGORITHMS, offered),
                              (stun.PASSWORD_ALGORITHM, unknown)],
    }[case]
    c.offered = None
    message = stun.encode(stun.ALLOCATE, attrs=[
        stun.requested_transport(), *c.credentials(), *attrs])
    message = stun.add_integrity_sha256(message, c.key(stun.MD5))
    assert c.exchange(message).error == 400


@pytest.mark.turnpike
def test_cleared_nonce_bits_are_no_way_around(daemon, client):
    """A nonce whose feature bits were changed on the way is not ours."""
    c = client(daemon())
    c.get_challenge()
    c.nonce = c.nonce[:9] + base64.b64encode(b"\0\0\0") + c.nonce[13:]
    c.offered = None
    c.use_hash = False
    answer = c.exchange(c.build(stun.ALLOCATE, [stun.requested_transport()]))
    assert answer.error == 438


def bad_nonce(c):
    last = c.nonce[-1:]
    c.nonce = c.nonce[:-1] + (b"A" if last != b"A" else b"B")


@pytest.mark.turnpike
def test_stale_nonce(daemon, client):
    c = client(daemon())
    c.allocate()
    bad_nonce(c)
    answer = c.request(stun.REFRESH, retry=False)
    assert answer.error == 438
    assert answer.get(stun.REALM) == b"example.org"
    assert answer.algorithms == [stun.SHA256, stun.MD5]
    c.learn(answer)
    c.refresh(retry=False)


@pytest.mark.turnpike
def test_nonce_of_another_client(daemon, client):
    server = daemon()
    a, b = client(server), client(server)
    a.get_challenge()
    b.get_challenge()
    a.nonce = b.nonce
    answer = a.exchange(a.build(stun.ALLOCATE, [stun.requested_transport()]))
    assert answer.error == 438


# The order of checks, each against its neighbour: what is wrong in the
# request, and the code that must win.
ORDER = {
    "nothing signed, unknown attribute": 401,
    "no realm, unknown attribute": 400,
    "wrong password, bad nonce": 401,
    "unknown user, bad nonce": 401,
    "wrong password, unknown attribute": 401,
    "bad nonce, unknown attribute": 438,
    "unknown attribute, no allocation": 420,
    "bad nonce, no allocation": 438,
    "no allocation, no peer": 437,
    "wrong user, no peer": 441,
    "wrong user, unknown attribute": 420,
    "allocation exists, no transport": 437,
    "unknown attribute, no transport": 420,
}


@pytest.mark.turnpike
@pytest.mark.parametrize("case", ORDER)
def test_order(daemon, client, case):
    server = daemon(users=[{"name": "alice", "password": "secret"},
                           {"name": "bob", "password": "builder"}])
    c = client(server)
    c.get_challenge()
    if "wrong user" in case or "exists" in case:
        c.allocate()
    if "wrong user" in case:
        c.user, c.password = "bob", "builder"
    if "wrong password" in case:
        c.password = "wrong"
    if "unknown user" in case:
        c.user = "mallory"
    if "bad nonce" in case:
        bad_nonce(c)
    attrs = [(0x7FF0, b"")] if "unknown attribute" in case else []
    method = stun.CREATE_PERMISSION
    if "transport" in case:
        method = stun.ALLOCATE
    elif "no peer" not in case:
        attrs.append(stun.peer(("127.0.0.1", 9)))
    without = (stun.REALM,) if "no realm" in case else ()
    answer = c.exchange(c.build(method, attrs, without=without,
                                auth="nothing signed" not in case))
    assert answer.error == ORDER[case]
    if answer.error in (420, 437, 441):
        c.check_signed(answer)


@pytest.mark.turnpike
def test_another_users_allocation_is_441(daemon, client):
    server = daemon(users=[{"name": "alice", "password": "secret"},
                           {"name": "bob", "password": "builder"}])
    c = client(server)
    c.allocate()
    c.user, c.password = "bob", "builder"
    for method, attrs in (
            (stun.REFRESH, [stun.lifetime(0)]),
            (stun.CREATE_PERMISSION, [stun.peer(("127.0.0.1", 9))]),
            (stun.CHANNEL_BIND, [stun.channel_number(0x4000),
                                 stun.peer(("127.0.0.1", 9))])):
        assert c.request(method, attrs).error == 441
    c.user, c.password = "alice", "secret"
    c.refresh()


@pytest.mark.turnpike
def test_another_realm_is_401(daemon, client):
    c = client(daemon())
    c.get_challenge()
    c.realm = "elsewhere.example"
    answer = c.exchange(c.build(stun.ALLOCATE, [stun.requested_transport()]))
    assert answer.error == 401
    assert answer.get(stun.REALM) == b"example.org"


@pytest.mark.turnpike
def test_two_realms_on_two_listeners(daemon, client):
    """The same user name, two realms, two passwords."""
    port = 31999
    server = daemon(
        port=port, listen=[
            {"transport": "udp", "address": "127.0.0.1", "port": port},
            {"transport": "udp", "address": "127.0.0.2", "port": port,
             "realm": "second.example"}],
        users=[{"name": "alice", "password": "first-password"},
               {"name": "alice", "password": "second-password",
                "realm": "second.example"}])
    one = server.address
    two = "127.0.0.2", port
    assert client(one).get_challenge().get(stun.REALM) == b"example.org"
    assert client(two).get_challenge().get(stun.REALM) == b"second.example"
    client(one, password="first-password").allocate()
    client(two, password="second-password").allocate()
    client(one, password="second-password").allocate(expect=401)
    client(two, password="first-password").allocate(expect=401)
    crossed = client(one, password="second-password")
    crossed.get_challenge()
    crossed.realm = "second.example"
    assert crossed.exchange(crossed.build(stun.ALLOCATE, [
        stun.requested_transport()])).error == 401


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("where", ["id", "attribute", "integrity"])
def test_tampering(daemon, client, where, legacy):
    c = client(daemon(), legacy=legacy)
    c.get_challenge()
    message = bytearray(c.build(stun.ALLOCATE, [
        stun.requested_transport(), stun.lifetime(1000)]))
    at = {"id": 19, "attribute": 20 + 8 + 7, "integrity": -1}[where]
    message[at] ^= 1
    answer = c.exchange(bytes(message), tid=bytes(message[8:20]))
    assert answer.error == 401


@pytest.mark.turnpike
@pytest.mark.parametrize("length", [0, 4, 16, 28])
def test_truncated_integrity(daemon, client, length):
    """No STUN usage of ours allows a shorter one (RFC 8489 14.6)."""
    c = client(daemon())
    c.get_challenge()
    message = stun.encode(stun.ALLOCATE, attrs=[
        stun.requested_transport(), *c.credentials()])
    message = stun.add_integrity_sha256(message, c.key(c.choose()), length)
    try:
        assert c.exchange(message, patience_s=0.4).error in (400, 401)
    except Exception as error:
        assert type(error).__name__ == "NoAnswer"
    c.allocate()


@pytest.mark.turnpike
def test_sha256_decides_where_both_are_there(daemon, client):
    """A right MESSAGE-INTEGRITY does not make up for a wrong
    MESSAGE-INTEGRITY-SHA256."""
    c = client(daemon())
    c.get_challenge()
    message = stun.encode(stun.ALLOCATE, attrs=[
        stun.requested_transport(), *c.credentials()])
    message = stun.add_integrity(message, c.key(stun.MD5))
    wrong = stun.add_integrity_sha256(message, b"another key")
    assert c.exchange(wrong).error == 401


@pytest.mark.turnpike
def test_what_follows_integrity_is_ignored(daemon, client, peer):
    """Not only LIFETIME 0 (coturn ab762f33): no code, no permission."""
    c = client(daemon())
    p = peer()
    c.allocate()
    refresh = c.build(stun.REFRESH)
    refresh = stun.add_attribute(refresh, *stun.lifetime(0))
    refresh = stun.add_attribute(refresh, 0x7FF0, b"unknown")
    answer = c.exchange(refresh)
    assert answer.error is None and answer.lifetime == 600
    tid = stun.new_id()
    permit = c.build(stun.CREATE_PERMISSION, [
        stun.peer(("127.0.0.9", 0))], tid=tid)
    permit = stun.add_attribute(permit, stun.XOR_PEER_ADDRESS,
                                stun.xor_address(p.address, tid))
    assert c.exchange(permit).error is None
    p.send(c.relayed, b"not permitted")
    c.answered_only()


@pytest.mark.turnpike
@pytest.mark.parametrize("name,code", [
    (b"", 401), (b"x" * 508, 401), (b"x" * 509, 400), (b"x" * 763, 400),
    (b"a\0b", 401), (b"alice\0", 401), (b"a\r\nb", 401), (b"%s%n%x", 401),
    (b"\xff\xfe", 401), (b"\xc3", 401), (b"*", 401)],
    ids=lambda value: repr(value)[:12])
def test_strange_names(daemon, client, name, code):
    c = client(daemon())
    c.get_challenge()
    rest = [a for a in c.credentials()
            if a[0] not in (stun.USERNAME, stun.USERHASH)]
    message = stun.encode(stun.ALLOCATE, attrs=[
        stun.requested_transport(), (stun.USERNAME, name), *rest])
    answer = c.exchange(stun.add_integrity_sha256(message, b"any key"))
    assert answer.error == code
    c.allocate()


@pytest.mark.turnpike
def test_names_and_passwords_are_prepared(daemon, client):
    """OpaqueString (RFC 8265 4.2): other spaces become a space, and all is
    composed; nothing is folded to lower case."""
    server = daemon(users=[{"name": "Zoe\u0308",
                            "password": "pass\u00a0wo\u0308rd"}])
    client(server, "Zo\u00eb", "pass w\u00f6rd").allocate()
    client(server, "zo\u00eb", "pass w\u00f6rd").allocate(expect=401)


def test_attributes_in_any_order(daemon, client):
    c = client(daemon(), legacy=True)
    c.get_challenge()
    attrs = [stun.requested_transport(), *c.credentials()]
    attrs.reverse()
    message = stun.add_integrity(stun.encode(stun.ALLOCATE, attrs=attrs),
                                 c.key(stun.MD5))
    answer = c.exchange(message)
    assert answer.error is None and answer.relayed


def test_many_clients_behind_one_address(daemon):
    """1,000 clients behind one NAT all get their 401 within 3 s."""
    server = daemon()
    begin = time.monotonic()
    clients = []
    try:
        for _ in range(1000):
            c = TurnClient(server.address, bind=("127.0.0.3", 0))
            clients.append(c)
            c.get_challenge()
        assert time.monotonic() - begin < 3
    finally:
        for c in clients:
            c.close()
