"""Who may use the server: listed users, the users file, credentials for a
time."""

import base64
import hashlib
import hmac
import os
import subprocess
import time

import pytest

import coturn
import stun
from daemon import base_config, free_port, render_file, run_binary
from turnclient import features

pytestmark = pytest.mark.turnpike

SECRET = "canary-north"


def minted(secret=SECRET, name="alice", *, lifetime_s=600, separator=":",
           digest="sha1"):
    """A user name and its password, as a service would make them."""
    user = str(int(time.time()) + lifetime_s)
    if name is not None:
        user += separator + name
    mac = hmac.new(secret.encode(), user.encode(), digest).digest()
    return user, base64.b64encode(mac).decode()


def in_seconds(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ",
                         time.gmtime(time.time() + seconds))


def write_users(folder, *users, name="users"):
    path = folder.write(name, render_file({"users": list(users)}))
    os.rename(path, os.path.join(folder.state, name))


def file_user(name, password="secret", realm="example.org", **more):
    return {"name": name,
            "key_md5": stun.key_md5(name, realm, password).hex(),
            "key_sha256": stun.key_sha256(name, realm, password).hex(),
            **more}

# The users file.

def test_a_user_of_the_file(daemon, client, folder):
    write_users(folder, file_user("bob"), file_user("carol", "other"))
    server = daemon()
    client(server, "alice").allocate()
    for user, password in (("bob", "secret"), ("carol", "other")):
        client(server, user, password).allocate()
        client(server, user, password, legacy=True).allocate()
        client(server, user, password, use_hash=True).allocate()
    client(server, "bob", "other").allocate(expect=401)


def test_a_file_elsewhere(daemon, client, folder):
    path = folder.write("more", render_file({"users": [file_user("bob")]}))
    server = daemon(users_file=path)
    client(server, "bob").allocate()


def test_a_disabled_user(daemon, client, folder):
    write_users(folder, file_user("bob", disabled="on"))
    server = daemon(users=[{"name": "alice", "password": "secret",
                            "disabled": "on"},
                           {"name": "carol", "password": "secret"}])
    client(server, "carol").allocate()
    for user in ("alice", "bob"):
        client(server, user).allocate(expect=401)


def test_a_name_in_both_files(folder):
    write_users(folder, file_user("alice"))
    config = base_config(folder, "127.0.0.1", free_port())
    path = folder.write("turnpike.conf", render_file(config))
    done = run_binary("-c", path)
    assert done.returncode == 78
    assert f"{folder.state}/users:" in done.stderr
    assert f" of {path}" in done.stderr and '"alice"' in done.stderr


def test_no_password_in_the_file(folder):
    write_users(folder, {"name": "bob", "password": "canary"})
    config = base_config(folder, "127.0.0.1", free_port())
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    assert done.returncode == 78
    assert "key_md5" in done.stderr and "canary" not in done.stderr

# Credentials for a time.

@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("legacy", [True, False], ids=["browser", "new"])
@pytest.mark.parametrize("name", ["alice", None], ids=["name", "no name"])
def test_a_time_limited_user(daemon, client, name, legacy, digest):
    server = daemon(users=[], secrets=[{"secret": SECRET, "hash": digest}])
    user, password = minted(name=name, digest=digest)
    c = client(server, user, password, legacy=legacy)
    c.allocate()
    c.refresh()
    c.refresh(0)
    client(server, user, password + "x", legacy=legacy).allocate(expect=401)
    client(server, user + "x", password, legacy=legacy).allocate(expect=401)


def test_no_userhash_where_it_cannot_be_resolved(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}])
    c = client(server)
    answer = c.get_challenge()
    assert answer.algorithms == [stun.SHA256, stun.MD5]
    assert features(c.nonce) & 0x400000 == 0
    c.allocate()


def test_an_expired_user(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}])
    user, password = minted(lifetime_s=-2)
    client(server, user, password).allocate(expect=401)


def test_clocks_may_differ(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}],
                    time_limited={"skew": "1h"})
    user, password = minted(lifetime_s=-60)
    client(server, user, password).allocate()
    user, password = minted(lifetime_s=-4000)
    client(server, user, password).allocate(expect=401)


def test_secrets_are_rotated(daemon, client):
    server = daemon(secrets=[
        {"secret": "old", "not_after": in_seconds(3600)},
        {"secret": "new", "not_before": in_seconds(-3600)},
        {"secret": "gone", "not_after": in_seconds(-3600)},
        {"secret": "next", "not_before": in_seconds(3600)},
        {"secret": "elsewhere", "realm": "other"}])
    for secret in ("old", "new"):
        client(server, *minted(secret)).allocate()
    for secret in ("gone", "next", "elsewhere"):
        client(server, *minted(secret)).allocate(expect=401)


def test_another_separator(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}],
                    time_limited={"separator": "|"})
    client(server, *minted(separator="|")).allocate()
    client(server, *minted(separator=":")).allocate(expect=401)


def test_a_secret_in_a_file(daemon, client, folder):
    path = folder.write("secret", SECRET + "\n")
    server = daemon(secrets=[{"secret_file": path}])
    client(server, *minted()).allocate()


class RawName(str):
    """A user name that is sent as these bytes, whatever they are."""

    def __new__(cls, raw):
        self = super().__new__(cls, raw.decode("latin-1"))
        self.raw = raw
        return self

    def encode(self, *_):
        return self.raw


@pytest.mark.parametrize("raw", [
    b"", b"9" * 508, b"9" * 509, b"9" * 20 + b":alice", b"+1999999999:alice",
    b"-1999999999:alice", b"1999999999\0:alice", b"1999999999:\xff",
    b"18446744073709551617:alice", b":1999999999", b"alice:1999999999"],
    ids=lambda raw: f"{len(raw)} bytes, {raw[:20]!r}")
def test_what_is_no_time_limited_name(daemon, client, raw):
    """Even if somebody who has the secret has signed it."""
    server = daemon(secrets=[{"secret": SECRET}])
    mac = hmac.new(SECRET.encode(), raw, hashlib.sha1).digest()
    key = hashlib.md5(raw + b":example.org:" + base64.b64encode(mac))
    c = client(server, RawName(raw), key_md5=key.digest(), legacy=True)
    assert c.allocate(expect="any").error in (400, 401)
    client(server, *minted()).allocate()


@pytest.mark.parametrize("name", [
    "%s%n%x", "*", "a\r\nb", "a\0b", "zo\u00eb", "x" * 400], ids=repr)
def test_odd_names_of_time_limited_users(daemon, client, name):
    server = daemon(secrets=[{"secret": SECRET}])
    client(server, *minted(name=name)).allocate()


def test_limits_are_of_the_name_without_its_time(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}],
                    limits={"dynamic_allocations_per_user": 2})
    for lifetime_s in (600, 700):
        client(server, *minted(lifetime_s=lifetime_s)).allocate()
    client(server, *minted(lifetime_s=800)).allocate(expect=486)
    client(server, *minted(name="bob")).allocate()
    for _ in range(3):
        client(server, "alice").allocate()


def test_limits_of_an_address(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}],
                    limits={"dynamic_allocations_per_source": 2})
    for name in ("alice", "bob"):
        client(server, *minted(name=name)).allocate()
    client(server, *minted(name="carol")).allocate(expect=486)
    client(server, *minted(name="carol"),
           bind=("127.0.0.2", 0)).allocate()
    client(server, "alice").allocate()


def test_a_session_outlives_its_credential(daemon, client):
    """What ACS clients need: they cannot get another during a call."""
    server = daemon(secrets=[{"secret": SECRET}])
    c = client(server, *minted(lifetime_s=2))
    c.allocate()
    while time.time() < int(c.user.split(":")[0]) + 1:
        c.silence(0.2)
    c.refresh()
    client(server, c.user, c.password).allocate(expect=401)


def test_a_session_ends_with_its_credential(daemon, client):
    server = daemon(secrets=[{"secret": SECRET}],
                    time_limited={"end_sessions": "on"})
    c = client(server, *minted(lifetime_s=2))
    c.allocate()
    server.await_log("session ended .*cause=credential-expired",
                     timeout_s=10)
    c.refresh(expect=401)


def test_the_first_source_that_knows_decides(daemon, client, folder):
    user, password = minted()
    write_users(folder, file_user(user, "of the file"))
    server = daemon(secrets=[{"secret": SECRET}])
    client(server, user, "of the file").allocate()
    client(server, user, password).allocate(expect=401)


def test_uclient_makes_its_own_credential(daemon):
    """coturn's own client: -W makes the credential, -C is its separator."""
    found = coturn.find("turnutils_uclient")
    if not found:
        pytest.skip("turnutils_uclient of Debian's coturn: set COTURN_DIR")
    program, env = found
    server = daemon(users=[], secrets=[{"secret": SECRET}],
                    time_limited={"separator": "|"})
    done = subprocess.run(
        [program, "-s", "-y", "-c", "-u", "alice", "-W", SECRET, "-C", "|",
         "-n", "10", "-m", "2", "-z", "5", "-p", str(server.address[1]),
         server.address[0]],
        env={**os.environ, **env}, capture_output=True, text=True,
        timeout=60, stdin=subprocess.DEVNULL)
    text = done.stdout + done.stderr
    assert done.returncode == 0, text
    assert "Total lost packets 0 (" in text, text


def test_no_secret_leaves_the_daemon(daemon, client, folder):
    """Canaries of every source, and what is looked for with them."""
    path = folder.write("secret", "canary-file\n")
    write_users(folder, file_user("bob", "canary-bob"))
    server = daemon(log={"level": "debug"},
                    secrets=[{"secret": SECRET}, {"secret_file": path}])
    client(server, *minted()).allocate()
    client(server, *minted("canary-file")).allocate()
    client(server, *minted("canary-wrong")).allocate(expect=401)
    client(server, "bob", "canary-bob").allocate()
    printed = run_binary("-c", server.path, "--check")
    server.stop()
    text = "\n".join(server.log + server.notified
                     + [printed.stdout, printed.stderr]).lower()
    assert "canary" not in text
    for key in (stun.key_md5("bob", "example.org", "canary-bob"),
                stun.key_sha256("bob", "example.org", "canary-bob")):
        assert key.hex() not in text
