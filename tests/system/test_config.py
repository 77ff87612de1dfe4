"""The configuration file: strict, explained, and silent about secrets."""

import os
import re

import pytest

import stun
from daemon import (IS_ROOT, ROOT, base_config, free_port, render_file,
                    run_binary)

pytestmark = pytest.mark.turnpike

# The file of the broken cases: three good lines, then the broken one.
GOOD = '''realm = "example.org";
listen = ( { address = "127.0.0.1"; port = 3478; } );
users = ( { name = "alice"; password = "canary-of-alice"; } );
'''

# What line 4 says, and words that the message for it must have.
BROKEN = {
    "unknown option": ("relms = \"x\";", ["relms", "expected"]),
    "unknown group": ("relays = { };", ["relays"]),
    "unknown option of a group": (
        "relay = { adress = \"127.0.0.1\"; };", ["adress", "address"]),
    "syntax": ("workers = ;", ["NAME = VALUE", "expected"]),
    "no equals sign": ("workers 2;", ["expected"]),
    "twice": ("realm = \"again.example\";", ["second time"]),
    "text for a number": ("workers = \"2\";", ["workers", "number"]),
    "number for a text": ("state_dir = 5;", ["state_dir"]),
    "fraction": ("workers = 1.5;", ["workers"]),
    "group for a number": ("workers = { };", ["workers"]),
    "number for a group": ("relay = 5;", ["relay"]),
    "workers below": ("workers = -1;", ["workers", "0"]),
    "workers above": ("workers = 100000;", ["workers"]),
    "not an address": (
        "relay = { address = \"localhost\"; };", ["relay.address", "IPv4"]),
    "address with a port": (
        "relay = { address = \"127.0.0.1:5\"; };", ["relay.address"]),
    "address with spaces": (
        "relay = { address = \" 127.0.0.1\"; };", ["relay.address"]),
    "octal address": (
        "relay = { address = \"127.0.0.010\"; };", ["relay.address"]),
    "relay on a wildcard": (
        "relay = { address = \"0.0.0.0\"; };", ["relay.address"]),
    "relay on multicast": (
        "relay = { address = \"224.0.0.1\"; };", ["relay.address"]),
    "advertised wildcard": (
        "relay = { address = \"127.0.0.1\"; advertise = \"0.0.0.0\"; };",
        ["relay.advertise"]),
    "ports reversed": (
        "relay = { address = \"127.0.0.1\"; ports = [ 6000, 5000 ]; };",
        ["relay.ports", "FIRST"]),
    "one port": ("relay = { ports = [ 6000 ]; };", ["relay.ports"]),
    "three ports": ("relay = { ports = [ 6000, 6001, 6002 ]; };",
                    ["relay.ports"]),
    "privileged ports": ("relay = { ports = [ 0, 5000 ]; };",
                         ["relay.ports", "1024"]),
    "ports too high": ("relay = { ports = [ 50000, 65536 ]; };",
                       ["relay.ports", "65535"]),
    "ports as text": ("relay = { ports = [ \"6000\", \"6001\" ]; };",
                      ["relay.ports"]),
    "not a prefix": ("peers = { allow = [ \"10.0.0.0/33\" ]; };",
                     ["peers.allow"]),
    "host bits": ("peers = { allow = [ \"10.0.0.1/8\" ]; };",
                  ["peers.allow", "10.0.0.1/8", "without bits"]),
    "not a prefix at all": ("peers = { deny = [ \"everything\" ]; };",
                            ["peers.deny"]),
    "allow as a text": ("peers = { allow = \"10.0.0.0/8\"; };",
                        ["peers.allow"]),
    "no unit": ("nonce = { lifetime = \"10\"; };", ["nonce.lifetime"]),
    "bad unit": ("nonce = { lifetime = \"10x\"; };", ["nonce.lifetime"]),
    "bare number": ("nonce = { lifetime = 600; };", ["nonce.lifetime"]),
    "negative duration": ("nonce = { lifetime = \"-1s\"; };",
                          ["nonce.lifetime"]),
    "too long": ("nonce = { lifetime = \"2h\"; };",
                 ["nonce.lifetime", "1h"]),
    "short key": ("nonce = { key = \"abcd\"; };", ["nonce.key", "64"]),
    "key not hexadecimal": ("nonce = { key = \"" + "g" * 64 + "\"; };",
                            ["nonce.key"]),
    "log level": ("log = { level = \"loud\"; };", ["log.level", "debug"]),
    "limits below": ("limits = { allocations = 0; };",
                     ["limits.allocations"]),
    "include": ("@include \"/etc/passwd\"", ["include"]),
}

# Files of their own: text, line (0: none), words.
BROKEN_FILES = {
    "no realm": (GOOD.replace('realm = "example.org";', ""), 0, ["realm"]),
    "empty realm": (GOOD.replace("example.org", ""), 1, ["realm"]),
    "long realm": (GOOD.replace("example.org", "x" * 128), 1, ["realm"]),
    "realm with a control character": (
        GOOD.replace("example.org", "exa\\x07mple"), 1, ["realm"]),
    "listener on port 0": (GOOD.replace("3478", "0"), 2, ["listen.port"]),
    "listener on port 65536": (
        GOOD.replace("3478", "65536"), 2, ["listen.port", "65535"]),
    "listener over carrier pigeon": (
        GOOD.replace('{ address', '{ transport = "pigeon"; address'), 2,
        ["listen.transport", "udp"]),
    "listener on another family": (
        GOOD.replace('"127.0.0.1"', '"::1"'), 2, ["listen.address"]),
    "no listener": (
        GOOD.replace('{ address = "127.0.0.1"; port = 3478; }', ""), 2,
        ["listen"]),
    "the same listener twice": (GOOD.replace(
        "} );\nusers", '},\n{ address = "127.0.0.1"; port = 3478; } );\n'
        "users"), 3, ["127.0.0.1:3478"]),
    "user without a name": (
        GOOD.replace('name = "alice"; ', ""), 3, ["name"]),
    "user without a password": (
        GOOD.replace('password = "canary-of-alice"; ', ""), 3, ["alice"]),
    "user with an empty password": (
        GOOD.replace("canary-of-alice", ""), 3, ["password"]),
    "user with both": (GOOD.replace(
        "password", 'key_md5 = "' + "0" * 32 + '"; password'), 3,
        ["alice"]),
    "user with half a key": (GOOD.replace(
        'password = "canary-of-alice"', 'key_md5 = "0123"'), 3,
        ["key_md5", "32"]),
    "user twice": (
        'realm = "r";\n'
        'listen = ( { address = "127.0.0.1"; } );\n'
        'users = ( { name = "alice"; password = "canary-1"; },\n'
        '  { name = "alice"; password = "canary-2"; } );\n', 4, ["alice"]),
    "user twice after preparation": (
        'realm = "r";\n'
        'listen = ( { address = "127.0.0.1"; } );\n'
        'users = ( { name = "zo\u00eb"; password = "canary-1"; },\n'
        '  { name = "zoe\u0308"; password = "canary-2"; } );\n', 4,
        ["zo"]),
    "text that does not end": ('realm = "example.org;\n', 1, ["expected"]),
    "comment that does not end": ('realm = "r"; /* ...\n\n', 1,
                                  ["comment"]),
    "NUL": ('realm = "r";\nworkers = 2;\0\n', 2, ["NUL"]),
    "not UTF-8": ("realm = \"r\";\nlisten = ( { address = \"127.0.0.1\"; } "
                  ");\n"
                  "users = ( { name = \"\udcff\"; password = \"x\"; } );\n",
                  3, ["UTF-8"]),
    "empty": ("", 0, ["realm"]),
}


def write(folder, text):
    path = os.path.join(folder.path, "turnpike.conf")
    with open(path, "w", errors="surrogateescape") as out:
        out.write(text)
    os.chmod(path, 0o640)
    return path


def refused(folder, text, *arguments):
    """The messages of a refused start, each without its file name, as
    (line, text)."""
    path = write(folder, text)
    done = run_binary("-c", path, *arguments)
    assert done.returncode == 78, (done.returncode, done.stderr)
    assert "canary" not in done.stdout + done.stderr
    found = re.findall(rf"^{re.escape(path)}:(?:(\d+):)? (.*)$", done.stderr,
                       re.MULTILINE)
    assert found, done.stderr
    return [(int(line or 0), said) for line, said in found]


@pytest.mark.parametrize("arguments", [(), ("--check",)])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_line(folder, case, arguments):
    text, words = BROKEN[case]
    messages = refused(folder, GOOD + text + "\n", *arguments)
    on_line = [said for line, said in messages if line == 4]
    assert on_line, messages
    for word in words:
        assert any(word in said for said in on_line), (word, messages)


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_broken_file(folder, case):
    text, line, words = BROKEN_FILES[case]
    messages = refused(folder, text)
    on_line = [said for at, said in messages if at == line]
    assert on_line, messages
    for word in words:
        assert any(word in said for said in on_line), (word, messages)


def test_every_mistake_in_one_run(folder):
    messages = refused(folder, GOOD + 'workers = -1;\n'
                       'log = { level = "loud"; };\n'
                       'colour = "blue";\n')
    assert {line for line, _ in messages} >= {4, 5, 6}


@pytest.mark.parametrize("path", ["/nonexistent/turnpike.conf", "/",
                                  "/dev/null"])
def test_unreadable_file(path):
    done = run_binary("-c", path)
    assert done.returncode == 78
    assert path in done.stderr


def good_config(folder):
    return base_config(folder, "127.0.0.1", free_port())


def check(folder, config):
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_check_prints_what_is_in_force(folder):
    config = good_config(folder)
    printed = check(folder, config)
    for pattern in (r'realm = "example\.org"', r'advertise', r'3600|10m',
                    r'allocations = \d+', r'address = "127\.0\.0\.1"',
                    rf'port = {config["listen"][0]["port"]}',
                    r'ports = \[ 61000, 65535 \]', r'level = "info"',
                    r'"127\.0\.0\.0/8"', r'workers = 2'):
        assert re.search(pattern, printed), (pattern, printed)


def test_check_tells_of_peer_rules(folder):
    """... and of the list that the preset acs comes from."""
    config = good_config(folder)
    config["peers"] = {"preset": "acs", "deny": ["20.202.9.0/24 port 53"],
                       "acs_file": os.path.join(ROOT, "etc", "acs.list")}
    printed = check(folder, config)
    assert re.search(r'(?m)^# realm "example\.org": peers by preset acs, '
                     r'1 range of \d{4}-\d\d-\d\d, allow 0, deny 1$',
                     printed), printed
    assert 'deny = [ "20.202.9.0/24 port 53" ];' in printed
    config["peers"]["acs_file"] = folder.write(
        "acs.list", "date 2020-02-29\nmedia commercial 20.202.0.0/16\n")
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    assert done.returncode == 0 and "more than a year ago" in done.stderr
    folder.write("acs.list", "date 2020-02-29\nmedia commercial x\n")
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    assert done.returncode == 78
    assert 'acs.list", line 2: media "x"' in done.stderr
    os.unlink(config["peers"]["acs_file"])
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)))
    assert done.returncode == 78
    assert "cannot be opened" in done.stderr and "acs" in done.stderr


def test_check_masks_secrets(folder):
    config = good_config(folder)
    keys = {"password": "canary-password", "key_md5": "ca" * 16,
            "key": "fe" * 32}
    config["users"] = [
        {"name": "alice", "password": keys["password"]},
        {"name": "bob", "key_md5": keys["key_md5"]}]
    config["nonce"] = {"key": keys["key"]}
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    for secret in keys.values():
        assert secret not in (done.stdout + done.stderr).lower()
    assert '"alice"' in done.stdout and "***" in done.stdout


def test_check_starts_nothing(folder):
    """No state, no socket: it works beside a running server."""
    config = good_config(folder)
    check(folder, config)
    assert os.listdir(folder.state) == []


def test_check_names_what_prevents_sha256(folder):
    config = good_config(folder)
    config["users"].append({"name": "bob", "key_md5": "00" * 16})
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    assert "bob" in done.stdout + done.stderr
    config["auth"] = {"sha256": "on"}
    done = run_binary("-c", folder.write("turnpike.conf",
                                         render_file(config)), "--check")
    assert done.returncode == 78 and "bob" in done.stderr


def test_world_readable_secrets_are_warned_of(folder):
    path = folder.write("turnpike.conf", render_file(good_config(folder)))
    os.chmod(path, 0o644)
    done = run_binary("-c", path, "--check")
    assert "chmod" in done.stderr
    os.chmod(path, 0o640)
    done = run_binary("-c", path, "--check")
    assert "chmod" not in done.stderr


def test_no_secret_leaves_the_daemon(daemon, client):
    """Logs at debug level, status, command line, environment."""
    secrets = ["canary-of-alice", "ca" * 16, "fe" * 32, "canary-attempt"]
    server = daemon(log={"level": "debug"}, nonce={"key": secrets[2]},
                    users=[{"name": "alice", "password": secrets[0]},
                           {"name": "bob", "key_md5": secrets[1]}])
    c = client(server, "alice", secrets[0])
    c.allocate()
    c.refresh(0)
    client(server, "alice", secrets[3]).allocate(expect=401)
    client(server, secrets[0], "x").get_challenge()
    seen = []
    for name in ("cmdline", "environ") if IS_ROOT else ("cmdline",):
        with open(f"/proc/{server.pid}/{name}", "rb") as source:
            seen.append(source.read().decode(errors="replace"))
    server.stop()
    text = "\n".join(seen + server.log + server.notified).lower()
    secrets += [stun.key_md5("alice", "example.org", secrets[0]).hex(),
                stun.key_sha256("alice", "example.org", secrets[0]).hex()]
    for secret in secrets:
        assert secret not in text


def test_version_and_help():
    version = run_binary("--version")
    assert version.returncode == 0
    assert re.match(r"turnpiked \d+\.\d+", version.stdout)
    usage = run_binary("--help")
    assert usage.returncode == 0
    for word in ("-c", "--check", "--version", "--help"):
        assert word in usage.stdout


@pytest.mark.parametrize("arguments", [
    ("--frobnicate",), ("-c",), ("extra",), ("-x",)])
def test_wrong_arguments(arguments):
    done = run_binary(*arguments)
    assert done.returncode not in (0, 78)
    assert "turnpiked" in done.stderr or "sage" in done.stderr


def test_sample_file_is_a_configuration(folder):
    """etc/turnpike.conf with its realm set, as a newcomer would."""
    with open(os.path.join(ROOT, "etc", "turnpike.conf")) as sample:
        text = sample.read()
    text = re.sub(r"(?m)^#realm = .*$", 'realm = "example.org";', text)
    text += '\nrelay = { address = "127.0.0.1"; };\n'
    path = write(folder, text)
    done = run_binary("-c", path, "--check")
    assert done.returncode == 0, done.stderr
