"""Everything a test stands on, on loopback and in one folder: certificates,
upstreams, a resolver (dnsmasq), and nginx with the proxy's configuration as
turnpike-proxy-setup makes it, or with the one of comparison.conf."""

import pathlib
import shutil
import socket
import ssl
import subprocess
import time

import upstream
from certificates import Authority
from client import Client

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SETUP = ROOT / "deploy/nginx/turnpike-proxy-setup"
NAME = "proxy.example.org"
PROXY_ADDRESS = "127.77.0.1"
METADATA = "127.77.0.99"  # stands in for the clouds' metadata service
START_S = 10

# host: (address, kind). All listen on one port.
UPSTREAMS = {
    "good.skype.com": ("127.77.0.2", "good"),
    "wrong-name.skype.com": ("127.77.0.3", "wrong-name"),
    "self-signed.skype.com": ("127.77.0.4", "self-signed"),
    "expired.skype.com": ("127.77.0.5", "expired"),
    "unknown-ca.skype.com": ("127.77.0.6", "unknown-ca"),
    "tls12.skype.com": ("127.77.0.7", "tls12"),
    "tls13.skype.com": ("127.77.0.8", "tls13"),
    "plain.skype.com": ("127.77.0.9", "plain"),
    "silent.skype.com": ("127.77.0.10", "silent"),
    "private.skype.com": ("127.77.0.11", "wrong-name"),
    "slow.skype.com": ("127.77.0.16", "good"),
    "second.teams.microsoft.com": ("127.77.0.12", "good"),
    "evil.example.com": ("127.77.0.13", "good"),
    "evil.example.net": ("127.77.0.14", "good"),
    "vm.cloudapp.azure.com": ("127.77.0.15", "good"),
    "metadata.example.com": (METADATA, "plain"),
}
CLOSED = "127.77.0.90"
# Names that lead somewhere without a server of ours.
ALIASES = {
    "closed.skype.com": CLOSED,
    NAME: PROXY_ADDRESS,
    "loop.skype.com": PROXY_ADDRESS,
    "user@good.skype.com": UPSTREAMS["good.skype.com"][0],
}


class Ports:
    """Ports of 127.0.0.0/8 outside the range from which the kernel gives
    them to clients. Runs at the same time take theirs from blocks of their
    own: who holds the first port of a block has the block."""

    BLOCK = 500

    def __init__(self):
        for first in range(20000, 32000, self.BLOCK):
            self.held = socket.socket(type=socket.SOCK_DGRAM)
            try:
                self.held.bind(("0.0.0.0", first))
            except OSError:
                self.held.close()
                continue
            self.free = iter(range(first + 1, first + self.BLOCK))
            return
        raise RuntimeError("no free block of ports")

    def take(self):
        for port in self.free:
            with socket.socket() as tcp, \
                    socket.socket(type=socket.SOCK_DGRAM) as udp:
                try:
                    tcp.bind(("0.0.0.0", port))
                    udp.bind(("0.0.0.0", port))
                except OSError:
                    continue
            return port
        raise RuntimeError("no free port")


free_port = Ports().take


def wait_for(true, what, seconds=START_S):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def accepts(address, port):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


class Process:
    """A program that runs until stop()."""

    def __init__(self, command, log):
        self.log = open(log, "wb")
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)

    def stop(self, seconds=10):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()


def nginx_tree(root):
    """A tree like that of Debian's nginx below root, with Debian's own
    nginx.conf where the package is at hand."""
    etc = root / "etc/nginx"
    for name in ("conf.d", "sites-enabled", "sites-available",
                 "modules-enabled"):
        (etc / name).mkdir(parents=True)
    for name in ("run", "var/log/nginx", "var/lib/nginx", "etc/turnpike"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "etc/acs.list", root / "etc/turnpike/acs.list")
    for packaged in (ROOT / "build/tools/nginx/etc/nginx",
                     pathlib.Path("/etc/nginx")):
        if (packaged / "nginx.conf").exists():
            break
    text = (packaged / "nginx.conf").read_text()
    shutil.copy(packaged / "mime.types", etc / "mime.types")
    for folder in ("/etc/nginx/", "/var/log/", "/run/"):
        text = text.replace(folder, f"{root}{folder}")
    # Nobody else's files may be needed, and no other user's rights.
    text = text.replace("user www-data;", f"user {owner()};")
    text = text.replace("worker_processes auto;", "worker_processes 2;")
    temporary = "".join(
        f"\t{kind}_temp_path {root}/var/lib/nginx/{kind};\n" for kind in
        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = text.replace("http {\n", "http {\n" + temporary, 1)
    (etc / "nginx.conf").write_text(text)
    return etc


def owner():
    return subprocess.run(["id", "-un"], capture_output=True, text=True,
                          check=True).stdout.strip()


class Stack:
    def __init__(self, folder, config):
        self.folder = folder
        self.config = config
        self.port = free_port()
        self.upstream_port = free_port()
        self.dns_port = free_port()
        self.health_port = free_port()
        self.processes = []
        self.upstreams = {}
        self.sources = 0
        self.root = folder / "root"

    # --- starting and stopping ---------------------------------------------

    def start(self):
        self.authority = Authority(self.folder, "authority")
        self.stranger = Authority(self.folder, "stranger")
        self.own = self.authority.issue(
            "proxy", [NAME, "other.example.org"])
        self.start_upstreams()
        self.start_resolver()
        if self.config == "comparison":
            self.write_comparison()
        else:
            nginx_tree(self.root)
            self.setup_turnpike()
        self.start_nginx()
        return self

    def start_upstreams(self):
        issue = self.authority.issue
        v12, v13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
        for host, (address, kind) in UPSTREAMS.items():
            made = {
                "wrong-name": lambda h: upstream.context(
                    *issue(h, ["elsewhere.skype.com"])),
                "self-signed": lambda h: upstream.context(
                    *issue(h, [h], self_signed=True)),
                "expired": lambda h: upstream.context(
                    *issue(h, [h], expired=True)),
                "unknown-ca": lambda h: upstream.context(
                    *self.stranger.issue(h, [h])),
                "tls12": lambda h: upstream.context(
                    *issue(h, [h]), most=v12),
                "tls13": lambda h: upstream.context(
                    *issue(h, [h]), least=v13),
                "good": lambda h: upstream.context(
                    *issue(h, [h, UPSTREAMS[h][0]])),
            }.get(kind, lambda h: None)(host)
            self.upstreams[host] = upstream.Upstream(
                address, self.upstream_port, made, kind == "silent")

    def start_resolver(self):
        names = {host: address for host, (address, _) in UPSTREAMS.items()}
        names.update(ALIASES)
        command = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                   "--no-resolv", "--no-hosts", "--pid-file",
                   f"--user={owner()}", f"--port={self.dns_port}",
                   "--listen-address=127.0.0.1", "--bind-interfaces",
                   "--local=/#/"]
        command += [f"--address=/{host}/{address}"
                    for host, address in names.items()]
        self.run(command, "dnsmasq.log")
        wait_for(lambda: accepts("127.0.0.1", self.dns_port), "dnsmasq")

    def setup_command(self, *options, root=None):
        return [str(SETUP), "--root", str(root or self.root), *options]

    def setup_options(self):
        return ["--name", NAME, "--certificate", str(self.own[0]),
                "--key", str(self.own[1]),
                "--resolver", f"127.0.0.1:{self.dns_port}",
                "--ca", str(self.authority.file),
                "--listen", f"{PROXY_ADDRESS}:{self.port}",
                "--health", f"127.0.0.1:{self.health_port}"]

    def setup_turnpike(self):
        (self.root / "etc/turnpike/proxy.origins").write_text(
            "https://app.example.com\n"
            f"http://localhost:{self.page_port}\n")
        done = subprocess.run(
            self.setup_command(*self.setup_options()),
            capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        # The one thing that differs from what is shipped: upstreams of the
        # tests have no port 443.
        allowed = self.root / "etc/nginx/turnpike-proxy/map/allowed.map"
        allowed.write_text(allowed.read_text().replace(
            " 443;", f" {self.upstream_port};"))

    def write_comparison(self):
        etc = self.root / "etc/nginx"
        for made in (etc, self.root / "html", self.root / "run",
                     self.root / "var/log/nginx"):
            made.mkdir(parents=True)
        (self.root / "html/index.html").write_text("Welcome to nginx!\n")
        text = (HERE / "comparison.conf").read_text()
        for word, value in {
                "user": owner(), "root": self.root, "port": self.port,
                "address": PROXY_ADDRESS, "certificate": self.own[0],
                "key": self.own[1], "dns": self.dns_port}.items():
            text = text.replace(f"@{word}@", str(value))
        (etc / "nginx.conf").write_text(text)

    def start_nginx(self):
        etc = self.root / "etc/nginx"
        self.nginx = self.run(
            ["nginx", "-p", f"{etc}/", "-c", etc / "nginx.conf",
             "-g", "daemon off;"], "nginx.log")
        wait_for(lambda: accepts(PROXY_ADDRESS, self.port)
                 or self.nginx.process.poll() is not None, "nginx")
        assert self.nginx.process.poll() is None, \
            (self.folder / "nginx.log").read_text()

    def run(self, command, log):
        process = Process(command, self.folder / log)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        for made in self.upstreams.values():
            made.stop()

    # --- for the tests -----------------------------------------------------

    page_port = free_port()

    def source(self):
        """An address to ask from that no other test uses: limits are per
        client."""
        self.sources += 1
        return f"127.88.{self.sources // 250}.{self.sources % 250 + 1}"

    def client(self, source=None, name=NAME, **how):
        return Client(PROXY_ADDRESS, self.port, self.authority.file,
                      source or self.source(), name, **how)

    def path(self, host, rest="/"):
        """How the proxy is asked for a host: the comparison takes the
        port in the path, ours has it in its map."""
        port = f":{self.upstream_port}" if self.config == "comparison" else ""
        return f"/{host}{port}{rest}"

    def ask(self, method, target, *rest, **how):
        """One request on a connection of its own."""
        with self.client(source=how.pop("source", None)) as client:
            return client.ask(method, target, *rest, **how)

    def accepts(self):
        return sum(one.accepts for one in self.upstreams.values())

    def last(self, host):
        return self.upstreams[host].requests[-1]

    def log_text(self):
        """Everything that any log holds."""
        text = ""
        for folder in (self.root / "var/log").iterdir():
            for file in folder.iterdir():
                text += file.read_text(errors="replace")
        return text + (self.folder / "nginx.log").read_text()

    def access_line(self, pattern):
        """The one line with pattern: it is written after the answer."""
        wait_for(lambda: self.access_lines(pattern), f"a line {pattern}")
        line, = self.access_lines(pattern)
        return line

    def access_lines(self, pattern=""):
        name = "nginx" if self.config == "comparison" else "turnpike-proxy"
        file = self.root / "var/log" / name / "access.log"
        return [line for line in file.read_text().splitlines()
                if pattern in line]
