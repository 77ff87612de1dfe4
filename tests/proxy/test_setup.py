"""turnpike-proxy-setup (N18): nothing is touched before everything is checked,
twice is like once, undo is like never."""

import gzip
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

import websocket
from client import Client
from stack import (NAME, PROXY_ADDRESS, Process, accepts, free_port,
                   nginx_tree, wait_for)

pytestmark = pytest.mark.ours


class Tree:
    """A root of its own for turnpike-proxy-setup, with a real nginx."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.root = folder / "root"
        self.stack = stack
        self.port = free_port()
        self.health_port = free_port()
        self.nginx = None
        nginx_tree(self.root)

    def options(self, **changes):
        """The usual options; changes by name, None leaves one out."""
        options = {
            "name": NAME, "certificate": self.stack.own[0],
            "key": self.stack.own[1],
            "resolver": f"127.0.0.1:{self.stack.dns_port}",
            "ca": self.stack.authority.file,
            "listen": f"{PROXY_ADDRESS}:{self.port}",
            "health": f"127.0.0.1:{self.health_port}"}
        options.update(changes)
        return [str(part) for key, value in options.items()
                if value is not None for part in (f"--{key}", value)]

    def run(self, *arguments, env=None, path=None):
        environment = dict(os.environ, **(env or {}))
        if path:
            environment["PATH"] = f"{path}:{environment['PATH']}"
        return subprocess.run(
            self.stack.setup_command(*arguments, root=self.root),
            capture_output=True, text=True, env=environment)

    def setup(self, *more, **changes):
        done = self.run(*self.options(**changes), *more)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def files(self):
        """Every file below root with its bytes, mode and time."""
        return {str(path): (path.lstat().st_mode, path.lstat().st_mtime_ns,
                            path.read_bytes() if path.is_file() else b"")
                for path in sorted(self.root.rglob("*"))
                if not path.is_dir() and "/var/log/nginx/" not in str(path)
                and "/run/" not in str(path)}

    def read(self, name):
        return (self.root / "etc/nginx/turnpike-proxy" / name).read_text()

    def write(self, name, text):
        (self.root / "etc/turnpike" / name).write_text(text)

    def start(self):
        etc = self.root / "etc/nginx"
        self.nginx = Process(
            ["nginx", "-p", f"{etc}/", "-c", etc / "nginx.conf",
             "-g", "daemon off;"], self.folder / "nginx.log")
        wait_for(lambda: accepts("127.0.0.1", self.health_port), "nginx")

    def client(self, **how):
        return Client(PROXY_ADDRESS, self.port, self.stack.authority.file,
                      self.stack.source(), NAME, **how)

    def status(self, target):
        with self.client() as client:
            return client.ask("GET", target).status

    def stop(self):
        if self.nginx:
            self.nginx.stop()


@pytest.fixture
def tree(tmp_path, stack):
    made = Tree(tmp_path, stack)
    yield made
    made.stop()


def test_first_time(tree):
    text = tree.setup()
    url = f"https://{NAME}:{tree.port}"
    for line in (f'proxy: {{ url: "{url}" }}', f'setProxyUrl("{url}")',
                 f'network.proxyUrl = "{url}"', f'new Uri("{url}")'):
        assert line in text
    assert f"server_name {NAME};" in tree.read("site.conf")
    assert "*.skype.com 443;" in tree.read("map/allowed.map")
    assert "teams.microsoft.us" not in tree.read("map/allowed.map")
    assert f"{NAME} 1;" in tree.read("map/denied.map")
    key = tree.root / "etc/nginx/turnpike-proxy/tls/key.pem"
    assert key.stat().st_mode & 0o777 == 0o640
    # nginx is not root when it reads this, whatever the original's mode.
    assert (key.parent / "certificate.pem").stat().st_mode & 0o777 == 0o644
    left = [path for path in tree.root.rglob("*.conf")
            if "turnpike" in str(path)
            and re.search(r"@[a-z_]+@", path.read_text())]
    assert not left


def test_twice_is_like_once(tree):
    tree.setup()
    before = tree.files()
    assert "nothing to change" in tree.setup()
    assert "nothing to change" in tree.run().stdout
    assert tree.files() == before


def test_dry_run_changes_nothing(tree):
    before = tree.files()
    done = tree.run("--dry-run", *tree.options())
    assert done.returncode == 0, done.stderr
    assert "would write /etc/nginx/turnpike-proxy/site.conf" in done.stdout
    assert tree.files() == before
    tree.setup()
    before = tree.files()
    assert "nothing would change" in tree.run("--dry-run").stdout
    done = tree.run("--dry-run", "--body", "2m")
    assert "would write /etc/nginx/turnpike-proxy/site.conf" in done.stdout
    assert "map/allowed.map" not in done.stdout
    done = tree.run("--dry-run", "--undo")
    assert "would remove /etc/nginx/conf.d/turnpike-proxy.conf" in done.stdout
    assert tree.files() == before


def test_undo(tree):
    before = tree.files()
    tree.setup()
    tree.write("proxy.hosts", "allow mine.example.com\n")
    done = tree.run("--undo")
    assert done.returncode == 0, done.stderr
    left = set(tree.files()) - set(before)
    assert {os.path.basename(name) for name in left} == {
        "proxy.hosts", "proxy.origins", "access.log", "refused.log",
        "error.log"}
    assert {name: what for name, what in tree.files().items()
            if name in before} == before
    assert "nothing to undo" in tree.run("--undo").stdout
    tree.setup()
    assert "mine.example.com 443;" in tree.read("map/allowed.map")


def bad_certificate(kind):
    def make(tree):
        issue = tree.stack.authority.issue
        if kind == "missing":
            return {"certificate": "/nowhere/at/all.pem"}
        if kind == "key-missing":
            return {"key": "/nowhere/at/all.key"}
        if kind == "unnamed":
            return {"certificate": None, "key": None}
        if kind == "garbage":
            (tree.folder / "garbage.pem").write_text("garbage\n")
            return {"certificate": tree.folder / "garbage.pem"}
        certificate, key = {
            "expired": lambda: issue("bad", [NAME], expired=True),
            "other-name": lambda: issue("bad", ["else.example.org"]),
            "other-key": lambda: (tree.stack.own[0],
                                  issue("bad", [NAME])[1]),
        }[kind]()
        return {"certificate": certificate, "key": key}
    return make


def bad_file(name, text):
    def make(tree):
        tree.write(name, text)
        return {}
    return make


def broken_nginx(tree):
    conf = tree.root / "etc/nginx/conf.d/other.conf"
    conf.write_text("nonsense;\n")
    return {}


def no_include(tree):
    conf = tree.root / "etc/nginx/nginx.conf"
    conf.write_text(conf.read_text().replace("conf.d/", "else.d/"))
    return {}


def no_resolver(tree):
    (tree.root / "etc/resolv.conf").write_text("nameserver 10.0.0.1\n")
    return {"resolver": None}


def no_list(tree):
    return {"list": "/nowhere/acs.list"}


def taken(tree):
    """Another site is the default of the same address."""
    conf = tree.root / "etc/nginx/sites-enabled/other"
    conf.write_text(
        f"server {{ listen {PROXY_ADDRESS}:{tree.port} default_server; }}\n")
    return {}


REFUSALS = {
    "certificate-missing": (bad_certificate("missing"), "no certificate at"),
    "certificate-unnamed": (bad_certificate("unnamed"), "which certificate"),
    "certificate-garbage": (bad_certificate("garbage"), "no certificate in"),
    "certificate-expired": (bad_certificate("expired"), "has expired"),
    "certificate-other-name": (bad_certificate("other-name"), "is not for"),
    "key-missing": (bad_certificate("key-missing"), "no key at"),
    "key-other": (bad_certificate("other-key"), "is not that of"),
    "list-missing": (no_list, "no list of hosts"),
    "list-broken": (bad_file("acs.list", "date 2026-01-01\nhost x y z\n"),
                    "acs.list:2: not `KIND"),
    "list-undated": (bad_file("acs.list", "host commercial .skype.com\n"),
                     "does not begin with a date"),
    "list-empty": (bad_file("acs.list", "date 2026-01-01\n"),
                   "names no host"),
    "list-injects": (bad_file(
        "acs.list", "date 2026-01-01\nhost commercial a.b;}\n"),
        "not a host or .suffix"),
    "hosts-broken": (bad_file("proxy.hosts", "x.example.com\n"),
                     "proxy.hosts:1: not `allow NAME`"),
    "hosts-upper": (bad_file("proxy.hosts", "allow X.example.com\n"),
                    "not a host or .suffix in lower case"),
    "hosts-top-level": (bad_file("proxy.hosts", "allow .com\n"), "proxy.hosts"),
    "origins-broken": (bad_file("proxy.origins", "*\n"),
                       "proxy.origins:1: not an origin"),
    "resolver-missing": (no_resolver, "no resolver of this machine"),
    "resolver-silent": (lambda tree: {
        "resolver": f"127.0.0.1:{free_port()}"}, "no resolver listens"),
    "resolver-nonsense": (lambda tree: {"resolver": "dns.example"},
                          "not an IPv4 address"),
    "ca-missing": (lambda tree: {"ca": "/nowhere/ca.pem"},
                   "certificate authorities"),
    "name-missing": (lambda tree: {"name": None}, "--name"),
    "name-upper": (lambda tree: {"name": "Proxy.Example.org"}, "--name"),
    "name-injects": (lambda tree: {"name": "a.b;include"}, "--name"),
    "cloud": (lambda tree: {"cloud": "public"}, "--cloud"),
    "body": (lambda tree: {"body": "lots"}, "--body"),
    "websocket": (lambda tree: {"websocket": "5"}, "--websocket"),
    "health-public": (lambda tree: {"health": "0.0.0.0:80"}, "--health"),
    "clients": (lambda tree: {"clients": "everybody"}, "--clients"),
    "harden": (lambda tree: {"harden": "maybe"}, "--harden"),
    "nginx-broken": (broken_nginx, "nginx does not take this"),
    "nginx-without-conf.d": (no_include, "does not include conf.d"),
    "address-taken": (taken, "nginx does not take this"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_before_anything_is_touched(tree, case):
    break_it, message = REFUSALS[case]
    options = tree.options(**break_it(tree))
    before = tree.files()
    done = tree.run(*options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert message in done.stderr
    assert tree.files() == before


@pytest.mark.parametrize("arguments", [
    ["--nonsense", "x"], ["stray"], ["--name"], ["--name", ""],
    ["--name", "a b"], ["--root"], ["--body", "1m;include /etc/passwd"],
    ["--eval", "x"], ["--name", "$(id)"], ["--ca", "/a|b"]])
def test_bad_arguments(tree, arguments):
    before = tree.files()
    done = tree.run(*tree.options(), *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("turnpike-proxy-setup: ")
    assert tree.files() == before


def test_help(tree):
    done = tree.run("--help")
    assert done.returncode == 0
    for option in ("--name", "--certificate", "--refused", "--undo",
                   "--dry-run", "proxy.hosts"):
        assert option in done.stdout


def test_old_configuration_goes_on(tree):
    """A refused set-up leaves the running nginx alone, on disk too."""
    tree.setup()
    tree.start()
    assert tree.status("/x.example.com/") == 403
    before = tree.files()
    for case in ("certificate-expired", "list-broken", "resolver-silent"):
        kept = (tree.root / "etc/turnpike/acs.list").read_text()
        done = tree.run(*tree.options(**REFUSALS[case][0](tree)))
        assert done.returncode == 1
        (tree.root / "etc/turnpike/acs.list").write_text(kept)
        assert tree.status("/x.example.com/") == 403
    assert set(tree.files()) == set(before)
    assert subprocess.run(
        ["nginx", "-t", "-p", f"{tree.root}/etc/nginx/", "-c",
         tree.root / "etc/nginx/nginx.conf"],
        capture_output=True).returncode == 0


def test_lists_are_taken_up_by_a_running_nginx(tree):
    """A host is added, WebSockets go on meanwhile, and one is denied."""
    tree.setup()
    tree.start()
    target = "/closed.example.com/"
    assert tree.status(target) == 403
    tree.write("proxy.hosts", "allow .example.com\n")
    assert "did write" in tree.run().stdout
    wait_for(lambda: tree.status(target) == 502, "the new list")
    tree.write("proxy.hosts",
               "allow .example.com\ndeny closed.example.com\n")
    assert tree.run().returncode == 0
    wait_for(lambda: tree.status(target) == 403, "the deny")


def test_websocket_survives_a_new_list(tree):
    tree.setup()
    allowed = tree.root / "etc/nginx/turnpike-proxy/map/allowed.map"
    allowed.write_text(allowed.read_text().replace(
        " 443;", f" {tree.stack.upstream_port};"))
    tree.start()
    with tree.client() as client:
        assert client.upgrade("/good.skype.com/ws").status == 101
        assert "did write" in tree.run("--body", "3m").stdout
        wait_for(lambda: tree.status("/new.example.com/") == 403, "nginx")
        client.say(websocket.TEXT, b"still there")
        assert client.hear() == (websocket.TEXT, b"still there")


@pytest.mark.parametrize("cloud,there,missing", [
    ("commercial", "*.skype.com", "*.gov.teams.microsoft.us"),
    ("gcc-high", "*.gov.teams.microsoft.us", "*.skype.com"),
    ("all", "*.gov.teams.microsoft.us", "nothing")])
def test_clouds(tree, cloud, there, missing):
    tree.setup("--cloud", cloud)
    assert f"{there} 443;" in tree.read("map/allowed.map")
    assert missing not in tree.read("map/allowed.map")
    for denied in ("*.cloudapp.azure.com", "*.usgovcloudapp.net"):
        assert f"{denied} 1;" in tree.read("map/denied.map")


def test_wide_suffix_is_remarked(tree):
    tree.write("proxy.hosts", "allow .azure.com\n")
    assert "others than Microsoft own names there" in tree.setup()


def test_denied_however_it_is_allowed(tree):
    tree.write("proxy.hosts", "allow .azure.com\n"
               "allow evil.cloudapp.azure.com\ndeny b.skype.com\n")
    tree.setup()
    tree.start()
    for host, status in (("evil.cloudapp.azure.com", 403),
                         ("cloudapp.azure.com", 502), ("x.azure.com", 502),
                         ("b.skype.com", 403), ("a.b.skype.com", 502)):
        assert tree.status(f"/{host}/") == status, host


def test_long_name(tree):
    """Longer than nginx's maps hold by default."""
    name = "a" * 60 + ".example.com"
    tree.write("proxy.hosts", f"allow {name}\n")
    tree.setup()
    tree.start()
    assert tree.status(f"/{name}/") == 502


def test_options_take_effect(tree):
    tree.setup("--hsts", "yes", "--truncate", "yes", "--body", "10",
               "--websocket", "7200")
    assert "proxy_read_timeout 7200s;" in tree.read("site.conf")
    tree.start()
    with tree.client() as client:
        answer = client.ask("GET", "/x.example.com/")
        assert answer.get("Strict-Transport-Security") == "max-age=31536000"
        assert client.ask("POST", "/x.skype.com/",
                          body=b"x" * 11).status == 413
    log = tree.root / "var/log/turnpike-proxy/access.log"
    wait_for(lambda: "status=413" in log.read_text(), "the log")
    clients = re.findall(r"client=(\S+)", log.read_text())
    assert len(clients) == 2
    assert all(re.fullmatch(r"127\.88\.\d+\.0", one) for one in clients)


def test_list_that_came_along(tree):
    """Where turnpiked is not installed, there is none in /etc."""
    (tree.root / "etc/turnpike/acs.list").unlink()
    tree.setup()
    assert "*.skype.com 443;" in tree.read("map/allowed.map")


def test_settings_are_remembered(tree):
    tree.setup("--body", "3m", "--cloud", "gcc-high")
    tree.write("acs.list",
               (tree.root / "etc/turnpike/acs.list").read_text()
               + "host gcc-high new.example.us\n")
    done = tree.run()
    assert done.returncode == 0, done.stderr
    assert "new.example.us 443;" in tree.read("map/allowed.map")
    assert "client_max_body_size 3m;" in tree.read("site.conf")


def test_resolver_of_the_machine(tree):
    """127.0.0.53 or whatever resolv.conf names on this machine itself; here
    nobody listens on port 53 there."""
    (tree.root / "etc/resolv.conf").write_text(
        "nameserver 10.0.0.1\nnameserver 127.0.0.254\n")
    done = tree.run(*tree.options(resolver=None))
    assert "no resolver listens at 127.0.0.254, port 53" in done.stderr


def test_drop_in(tree):
    dropin = tree.root / \
        "etc/systemd/system/nginx.service.d/turnpike-proxy.conf"
    tree.setup("--clients", "10.1.0.0/16,10.2.0.0/16")
    text = dropin.read_text()
    for allowed in ("127.0.0.1", "10.1.0.0/16", "10.2.0.0/16"):
        assert f"\nIPAddressAllow={allowed}\n" in text
    tree.setup("--harden", "no")
    assert not dropin.exists() and not dropin.parent.exists()


def fake(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + text)
    (folder / name).chmod(0o755)
    return folder


def test_nginx_that_changes_its_mind(tree):
    """It takes the copy, but not the living files: they come back."""
    real = shutil.which("nginx")
    bins = fake(tree.folder / "bin", "nginx", f"""
case "$*" in *{tree.root}/etc/nginx/*-t*) echo "no such luck" >&2; exit 1;; esac
exec {real} "$@"
""")
    before = tree.files()
    done = tree.run(*tree.options(), path=bins)
    assert done.returncode == 1
    assert "no such luck" in done.stderr
    after = {name: what for name, what in tree.files().items()
             if "/log/" not in name and "/etc/turnpike/proxy." not in name}
    assert after == before


@pytest.mark.parametrize("version,there,missing", [
    ("1.18.0", "ssl http2 so_keepalive", "ssl_reject_handshake"),
    ("1.22.1", "ssl_reject_handshake on;", "http2 on;"),
    ("1.26.3", "http2 on;", "ssl http2")])
def test_other_versions_of_nginx(tree, version, there, missing):
    """What is rendered for them; only Debian 12's was run."""
    bins = fake(tree.folder / "bin", "nginx",
                f"echo 'nginx version: nginx/{version}' >&2\n")
    done = tree.run(*tree.options(), path=bins)
    assert done.returncode == 0, done.stderr
    assert there in tree.read("site.conf")
    assert missing not in tree.read("site.conf")


def test_without_nginx(tree):
    bins = tree.folder / "bin"
    bins.mkdir()
    for name in ("sh", "dirname", "mktemp", "rm", "sed", "cat", "tr"):
        (bins / name).symlink_to(shutil.which(name))
    done = subprocess.run(
        tree.stack.setup_command(*tree.options(), root=tree.root),
        capture_output=True, text=True, env={"PATH": str(bins)})
    if not any(os.path.exists(f"{folder}/nginx")
               for folder in ("/usr/sbin", "/sbin")):
        assert done.returncode == 1
        assert "no nginx here" in done.stderr


CERTBOT = """
echo "$@" >>{log}
webroot= name=
while [ $# -gt 0 ]; do
	case $1 in
	-w) webroot=$2; shift ;;
	-d) name=$2; shift ;;
	--deploy-hook) hook=$2; shift ;;
	esac
	shift
done
mkdir -p "$webroot/.well-known/acme-challenge"
echo answer >"$webroot/.well-known/acme-challenge/token"
# nginx takes up the challenge's site asynchronously.
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(curl -s -H "Host: $name" \\
		http://127.0.0.1:{port}/.well-known/acme-challenge/token)" \\
		!= answer ] || break
	sleep 0.2
done
[ "$(curl -s -H "Host: $name" \\
	http://127.0.0.1:{port}/.well-known/acme-challenge/token)" = answer ] ||
	exit 1
[ {fails} = no ] || exit 1
mkdir -p {root}/etc/letsencrypt/live/$name
cp {certificate} {root}/etc/letsencrypt/live/$name/fullchain.pem
cp {key} {root}/etc/letsencrypt/live/$name/privkey.pem
RENEWED_LINEAGE=x "$hook"
"""


@pytest.mark.parametrize("fails", ["no", "yes"])
def test_certbot(tree, fails):
    """By a stand-in that fetches the challenge as the authority would."""
    other = tree.root / "etc/nginx/conf.d/other.conf"
    other.write_text(f"server {{ listen 127.0.0.1:{tree.health_port}; }}\n")
    tree.start()
    other.unlink()
    port = free_port()
    bins = fake(tree.folder / "bin", "certbot", CERTBOT.format(
        log=tree.folder / "certbot.log", port=port, fails=fails,
        root=tree.root, certificate=tree.stack.own[0],
        key=tree.stack.own[1]))
    options = tree.options(certificate=None, key=None) + [
        "--certbot", "me@example.org", "--http-listen", f"127.0.0.1:{port}"]
    before = tree.files()
    done = tree.run("--dry-run", *options, path=bins)
    assert "would let certbot" in done.stdout
    assert tree.files() == before
    done = tree.run(*options, path=bins)
    arguments = (tree.folder / "certbot.log").read_text()
    assert f"-d {NAME}" in arguments and "-m me@example.org" in arguments
    if fails == "yes":
        assert done.returncode == 1
        assert "certbot got no certificate" in done.stderr
        assert {name: what for name, what in tree.files().items()
                if "/log/" not in name and "acme" not in name} == before
        return
    assert done.returncode == 0, done.stderr
    wait_for(lambda: accepts(PROXY_ADDRESS, tree.port), "the proxy")
    assert tree.status("/x.example.com/") == 403
    # As certbot's deploy hook runs it, after a renewal.
    live = tree.root / "etc/letsencrypt/live" / NAME
    certificate, key = tree.stack.authority.issue("renewed", [NAME])
    shutil.copy(certificate, live / "fullchain.pem")
    shutil.copy(key, live / "privkey.pem")
    done = tree.run(env={"RENEWED_LINEAGE": str(live)})
    assert done.returncode == 0, done.stderr
    assert tree.read("tls/certificate.pem") == certificate.read_text()


def test_certbot_missing(tree):
    before = tree.files()
    done = tree.run(*tree.options(certificate=None, key=None),
                    "--certbot", "me@example.org")
    if not shutil.which("certbot"):
        assert done.returncode == 1 and "no certbot here" in done.stderr
        assert tree.files() == before


def test_status(tree):
    assert tree.run("--status").returncode == 1
    tree.setup()
    done = tree.run("--status")
    assert done.returncode == 1 and "not answering" in done.stdout
    tree.start()
    done = tree.run("--status")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (f"name:         {NAME}", "health:       ok",
                 "hardened:     yes"):
        assert line in done.stdout


def test_health_is_on_loopback_only(tree):
    tree.setup()
    tree.start()
    with socket.create_connection(("127.0.0.1", tree.health_port)) as one:
        one.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert one.recv(4096).endswith(b"ok\n")
    inodes = subprocess.run(["cat", "/proc/net/tcp"], capture_output=True,
                            text=True).stdout
    port = f"{tree.health_port:04X}"
    listening = [line.split()[1] for line in inodes.splitlines()
                 if line.split()[3] == "0A" and
                 line.split()[1].endswith(f":{port}")]
    assert listening == [f"0100007F:{port}"]


def test_interrupted(tree):
    """Ended in the middle, it leaves the old files or the new ones."""
    tree.setup()
    before = tree.files()
    real = shutil.which("nginx")
    mark = tree.folder / "waiting"
    bins = fake(tree.folder / "bin", "nginx", f"""
case "$*" in *{tree.root}/etc/nginx/*-t*) touch {mark}; sleep 1;; esac
exec {real} "$@"
""")
    with subprocess.Popen(
            tree.stack.setup_command("--body", "5m", root=tree.root),
            env=dict(os.environ, PATH=f"{bins}:{os.environ['PATH']}"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(mark.exists, "the change")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) != 0
    strip = lambda files: {name: (mode, data) for name, (mode, _, data)
                           in files.items()}
    assert strip(tree.files()) == strip(before)


def test_refused_names_when_there_are_none(tree):
    tree.setup()
    assert tree.run("--refused").stdout == "no host name was refused\n"


def test_refused_names_of_rotated_logs(tree):
    tree.setup()
    logs = tree.root / "var/log/turnpike-proxy"
    line = "2026-01-0{} unknown rotated.example.com\n"
    (logs / "refused.log").write_text(line.format(3))
    (logs / "refused.log.1").write_text(line.format(2) + "<script>\n")
    (logs / "refused.log.2.gz").write_bytes(
        gzip.compress(line.format(1).encode()))
    text = tree.run("--refused").stdout
    assert re.search(r"^ +3  2026-01-0\d  unknown  rotated\.example\.com$",
                     text, re.M)
    assert "script" not in text
