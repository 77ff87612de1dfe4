"""turnpikectl import-coturn: configurations of coturn as Debian ships them
and as guides have them (coturn-conf/, in words of our own)."""

import glob
import os
import re
import stat
import subprocess

import pytest

import coturn
import ctl
import daemon as daemons

pytestmark = pytest.mark.turnpike

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "coturn-conf")

# For each: what must be written, what must be warned of, and the secrets.
GUIDES = {
    "acs-tutorial": (
        ['realm = "turn.contoso.example"', 'address = "192.0.2.2"',
         'advertise = "198.51.100.9"', 'name = "contoso"',
         'key_md5 = "0123456789abcdef0123456789abcdef"'],
        ["coturn was verbose"],
        ["contoso-password-88", "0123456789abcdef"]),
    "bigbluebutton": (
        ["ports = [ 32769, 65535 ]", 'advertise = "198.51.100.7"'],
        ["coturn served TLS", "takes the secrets alone"],
        ["bbb-secret-2b2b"]),
    "docker-coturn": (
        ["ports = [ 49160, 49200 ]", 'name = "demo"'],
        ["SQLite", "web-admin", "verbose"],
        ["demo-password-1a"]),
    "element-call": (
        ["port = 3479", "ports = [ 50300, 50400 ]", 'address = "192.0.2.2"',
         'advertise = "198.51.100.44"', 'coturn_metrics = "on"'],
        [],
        ["element-call-secret-9"]),
    "jitsi": (
        ['deny = [ "0.0.0.0/8"', '"192.168.0.0/16"', '"240.0.0.0/4"'],
        ["coturn served TLS"],
        ["jitsi-shared-secret-1f0c"]),
    "livekit": (
        ["ports = [ 30000, 40000 ]", 'name = "livekit"'],
        [],
        ["livekit-password-4d"]),
    "mattermost": (
        ['allocation_rate = "24Mbit/s"', "allocations = 300",
         "dynamic_allocations_per_user = 10", 'lifetime = "1h"'],
        ["cli-password"],
        ["mattermost-secret-c0", "mattermost-console"]),
    "nextcloud-spreed": (
        ["allocations = 100"],
        ["coturn served TLS", "takes the secrets alone"],
        ["spreed-secret-77aa"]),
    "nextcloud-talk": (
        ['realm = "cloud.example.org"'],
        [],
        ["talk-secret-0b1c2d"]),
    "redis-userdb": (
        ['endpoints = [ "10.9.8.7:6380" ]', "database = 2", 'tls = "on"',
         'total_rate = "800Mbit/s"', "workers = 8", "port = 8080"],
        ["did not verify", "bps-capacity without max-bps"],
        ["redis-password-x", "redis-password-y"]),
    "rocket-chat": (
        ['realm = "rocket.example.org"'],
        ["let everybody relay", "allow-loopback-peers", "server-relay",
         "stale-nonce=0", "would open 127.0.0.1"],
        []),
    "static-users": (
        ['name = "amélie"', 'name = "bob"', 'name = "carol"'],
        ["the name comes again"],
        ["mot-de-passe", "pass:with:colons", "quoted-carol",
         "second-carol-password", "0x1234"]),
    "synapse": (
        ['allow = [ "10.0.0.1" ]', '"2001:db8::/32"', '"fe80::/10"',
         "allocations_per_user = 12", 'advertise = "198.51.100.20"'],
        ["not public"],
        ["synapse-secret-5e5e"]),
    "two-addresses": (
        ['realm = "other.example.org"', "port = 50000",
         "ports = [ 50001, 60000 ]", 'level = "debug"'],
        ["realm is given again", "without /PRIVATE", "listener's port 50000",
         "verbose"],
        ["two-password-zz", "misspelled-secret"]),
}

# These have a key that coturn would not take either.
NOT_UNDERSTOOD = {"docker-coturn", "static-users", "two-addresses"}


def import_to(folder, path, *arguments, expect=None):
    """Import to a file of the folder; returns its path and the report."""
    output = os.path.join(folder.path, "turnpike.conf")
    result = ctl.run("import-coturn", path, "-o", output, *arguments,
                     expect=expect)
    return output, result


def test_every_guide_is_listed():
    names = {os.path.basename(path)[:-5]
             for path in glob.glob(os.path.join(HERE, "*.conf"))}
    assert names == set(GUIDES)


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_guides(folder, name):
    written, warnings, secrets = GUIDES[name]
    path = os.path.join(HERE, f"{name}.conf")
    output, result = import_to(folder, path)
    with open(output) as made:
        text = made.read()
    for part in written:
        assert part in text
    for part in warnings:
        assert part in result.out.partition("Warnings\n")[2], result
    expected = ctl.WARNED if warnings or name in NOT_UNDERSTOOD else ctl.OK
    assert result.status == expected, result
    assert ("Not understood" in result.out) == (name in NOT_UNDERSTOOD)
    for secret in secrets:
        assert secret not in result.out + result.err

    # What the daemon says of the file is what the import has said.
    checked = daemons.run_binary("--check", "-c", output)
    assert checked.returncode == 0, checked.stderr
    mode = stat.S_IMODE(os.stat(output).st_mode)
    assert mode == 0o600


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_a_report_for_programs(name):
    path = os.path.join(HERE, f"{name}.conf")
    result = ctl.run("import-coturn", "--json", path, expect=None)
    report = result.json
    assert report["input"] == path
    assert report["output"] is None and report["written"] is False
    with open(path, newline="") as lines:
        wanted = [number for number, line in enumerate(lines, 1)
                  if line.strip() and not line.strip().startswith("#")]
    assert [key["line"] for key in report["keys"]] == wanted
    assert {key["outcome"] for key in report["keys"]} <= {
        "mapped", "default", "unsupported", "unknown"}
    assert all(key["text"] for key in report["keys"])
    assert report["check_errors"] == []
    for secret in GUIDES[name][2]:
        assert secret not in result.out


def shipped(path):
    """A file of Debian's package, unpacked or installed."""
    for root in [*coturn.TREES, "/"]:
        found = os.path.join(root, path)
        if root and os.path.exists(found):
            return found
    pytest.skip("coturn's package is not here: ./bootstrap check unpacks it")


@pytest.mark.parametrize("path", [
    "etc/turnserver.conf",
    "usr/share/doc/coturn/examples/etc/turnserver.conf",
])
def test_what_debian_ships(folder, path):
    """As shipped, it lets everybody relay, without a realm."""
    output, result = import_to(folder, shipped(path), "--realm",
                               "turn.example.org", expect=ctl.WARNED)
    assert "let everybody relay" in result.out
    assert "Not understood" not in result.out
    checked = daemons.run_binary("--check", "-c", output)
    assert checked.returncode == 0, checked.stderr
    assert 'realm = "turn.example.org";' in checked.stdout


def test_every_key_that_debian_shows(folder):
    """All that is commented out in the shipped file, switched on."""
    with open(shipped("etc/turnserver.conf")) as shipped_file:
        lines = [line[1:] for line in shipped_file
                 if re.match(r"#(?!OR)[\w-]+(=.*)?$", line)]
    assert len(lines) > 100
    path = folder.write("turnserver.conf", "".join(lines))
    report = ctl.run("import-coturn", "--json", path, expect=ctl.WARNED).json
    unknown = [key for key in report["keys"] if key["outcome"] == "unknown"
               and "no key of coturn's" in key["text"]]
    assert unknown == []


def test_imported_users_get_in(folder, client, peer):
    """From turnserver.conf to relayed packets."""
    port = daemons.free_port()
    first = daemons.free_range(10)
    path = folder.write("turnserver.conf", f"""\
listening-ip=127.0.0.1
listening-port={port}
relay-ip=127.0.0.1
min-port={first}
max-port={first + 9}
realm=example.org
lt-cred-mech
user=alice:secret
no-cli
""")
    output, _ = import_to(folder, path)
    with open(output) as made:
        # Tests' peers are on loopback, which no import opens.
        text = made.read() + (
            'peers = { allow = [ "127.0.0.0/8" ]; };\n'
            f'state_dir = "{folder.state}";\n')
    if daemons.IS_ROOT:
        text += f'user = "{daemons.UNPRIVILEGED}";\n'
    path = folder.write("turnpike.conf", text)
    server = daemons.Server(
        folder, [daemons.BINARY, "-c", path],
        {"listen": [{"address": "127.0.0.1", "port": port}],
         "realm": "example.org", "relay": {"ports": [first, first + 9]}})
    try:
        server.start()
        c = client(server)
        c.allocate()
        assert first <= c.relayed[1] <= first + 9
        server.stop()
    finally:
        server.kill()


def test_a_file_is_not_replaced_unasked(folder):
    path = os.path.join(HERE, "nextcloud-talk.conf")
    output, _ = import_to(folder, path, expect=ctl.OK)
    with open(output, "w") as made:
        made.write("mine")
    _, result = import_to(folder, path, expect=ctl.NO_OUTPUT)
    assert "--force" in result.err
    with open(output) as made:
        assert made.read() == "mine"
    import_to(folder, path, "--force", expect=ctl.OK)
    with open(output) as made:
        assert "talk-secret" in made.read()
    assert os.listdir(folder.path).count("turnpike.conf") == 1
    assert not [n for n in os.listdir(folder.path) if n.startswith(
        "turnpike.conf.")], "a temporary file was left"


def test_what_would_not_start_is_not_written(folder):
    """A relay port that is the listener's leaves no range."""
    path = folder.write("turnserver.conf",
                        "realm=r\nstatic-auth-secret=hush-hush\n"
                        "min-port=3478\nmax-port=3478\n")
    output, result = import_to(folder, path, expect=ctl.DATA)
    assert "nothing is written" in result.err
    assert "relay.ports" in result.err
    assert "hush-hush" not in result.out + result.err
    assert not os.path.exists(output)


def test_files_that_cannot_be_read(folder):
    result = ctl.run("import-coturn", "/nonexistent/turnserver.conf",
                     expect=ctl.NO_INPUT)
    assert "No such file" in result.err
    ctl.run("import-coturn", folder.path, expect=ctl.NO_INPUT)
    path = folder.write("nul", "realm=a\0b\n")
    assert "NUL" in ctl.run("import-coturn", path, expect=ctl.DATA).err
    path = folder.write("huge", "a\n" * 30000)
    assert "too many" in ctl.run("import-coturn", path, expect=ctl.DATA).err


def test_outputs_that_cannot_be_written():
    path = os.path.join(HERE, "nextcloud-talk.conf")
    result = ctl.run("import-coturn", path, "-o", "/nonexistent/x/conf",
                     expect=ctl.NO_OUTPUT)
    assert "No such file" in result.err


def test_hostile_text_is_inert(folder):
    path = os.path.join(folder.path, "hostile.conf")
    with open(path, "wb") as out:
        out.write(b"realm=\x1b[2Jx\nuser=\x1b]0;t\x07:p\n\x1b[31m\n"
                  b"listening-port=\xe2\x80\xae1\n")
    result = ctl.run("import-coturn", path, expect=None)
    assert "\u202e" not in result.out
    ctl.run("import-coturn", "--json", path, expect=None)


@pytest.mark.parametrize("arguments", [
    [], ["fly"], ["import-coturn"], ["import-coturn", "a", "b"],
    ["import-coturn", "--fly", "a"], ["import-coturn", "a", "--relay", "x"],
])
def test_wrong_arguments(arguments):
    result = ctl.run(*arguments, expect=ctl.USAGE)
    assert result.out == "" and result.err


def test_help():
    listed = ctl.run("--help").out
    assert "import-coturn" in listed
    assert ctl.run("help").out == listed
    explained = ctl.run("help", "import-coturn").out
    assert "--force" in explained
    assert ctl.run("import-coturn", "--help").out == explained
    ctl.run("help", "fly", expect=ctl.USAGE)
    assert ctl.run("--version").out.startswith("turnpikectl ")


def test_output_that_goes_nowhere():
    with open("/dev/full", "w") as full:
        done = subprocess.run([ctl.BINARY, "--help"], stdout=full,
                              stderr=subprocess.PIPE, timeout=10)
    assert done.returncode == ctl.NO_OUTPUT
    assert b"cannot write" in done.stderr
