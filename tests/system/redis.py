"""Debian's redis-server, a client for it, servers that lie, and the probe.

The probe (redis_probe.c) is the Redis store of the daemon by itself; what it
prints is read here by a thread and waited for, so nothing sleeps.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import daemon

PROBE = os.path.join(os.path.dirname(daemon.BINARY), "tests", "system",
                     "redis_probe")
WAIT_S = 20


def find_server():
    return shutil.which("redis-server", path=os.pathsep.join(
        [os.path.join(daemon.ROOT, "build", "tools", "bin"),
         os.environ.get("PATH", "")]))


class Error(Exception):
    """An error reply."""


class Client:
    """One connection, one command at a time."""

    def __init__(self, address):
        family = socket.AF_UNIX if isinstance(address, str) \
            else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    def send(self, *args):
        parts = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        out = b"*%d\r\n" % len(parts)
        for part in parts:
            out += b"$%d\r\n%s\r\n" % (len(part), part)
        self.socket.sendall(out)

    def read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Error(rest.decode())
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if rest == b"-1":
                return None
            return self.file.read(int(rest) + 2)[:-2]
        return [self.read() for _ in range(int(rest))]

    def __call__(self, *args):
        self.send(*args)
        return self.read()

    def close(self):
        self.file.close()
        self.socket.close()


class Server:
    """A redis-server of its own, with its files in a folder of its own."""

    def __init__(self, *arguments, port=None, tls=None, sentinel=None,
                 notify="KA", password=None):
        self.path = tempfile.mkdtemp(prefix="tp-redis-")
        self.port = port or daemon.free_port("127.0.0.1")
        self.unix = os.path.join(self.path, "redis.sock")
        self.password = password
        options = ["--port", "0" if tls else str(self.port),
                   "--bind", "127.0.0.1", "--dir", self.path,
                   "--unixsocket", self.unix, "--daemonize", "no"]
        if sentinel:
            conf = os.path.join(self.path, "sentinel.conf")
            with open(conf, "w", encoding="ascii") as f:
                f.write(sentinel)
            options = [conf, *options, "--sentinel"]
        else:
            options += ["--save", "", "--appendonly", "no",
                        "--notify-keyspace-events", notify,
                        "--enable-debug-command", "yes"]
        if tls:
            options += ["--tls-port", str(self.port), "--tls-auth-clients",
                        "no", "--tls-cert-file", tls.cert, "--tls-key-file",
                        tls.key, "--tls-ca-cert-file", tls.ca]
        if password:
            options += ["--requirepass", password]
        self.command = [find_server(), *options, *arguments]
        self.process = None
        self.clients = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        daemon.until(self.answers)

    def answers(self):
        try:
            client = Client(self.unix)
            if self.password:
                client("AUTH", self.password)
            client("PING")
        except (OSError, Error):
            return False
        client.close()
        return True

    def client(self):
        made = Client(self.unix)
        if self.password:
            made("AUTH", self.password)
        self.clients.append(made)
        return made

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        for client in self.clients:
            client.close()
        self.clients = []
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def remove(self):
        self.kill()
        shutil.rmtree(self.path, ignore_errors=True)

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"


class Certificates:
    """A private authority, and certificates that it signs, by openssl."""

    def __init__(self, folder, name="redis.test", address="127.0.0.1"):
        self.path = folder
        self.ca = os.path.join(folder, "ca.pem")
        self.key = os.path.join(folder, "server.key")
        self.cert = os.path.join(folder, "server.pem")
        ca_key = os.path.join(folder, "ca.key")
        request = os.path.join(folder, "server.csr")
        extensions = os.path.join(folder, "extensions")
        with open(extensions, "w", encoding="ascii") as f:
            f.write(f"subjectAltName=DNS:{name},IP:{address}\n")
        new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                   "-nodes"]
        self.openssl("req", "-x509", *new_key, "-keyout", ca_key, "-out",
                     self.ca, "-days", "2", "-subj", "/CN=authority")
        self.openssl("req", *new_key, "-keyout", self.key, "-out", request,
                     "-subj", f"/CN={name}")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey",
                     ca_key, "-CAcreateserial", "-out", self.cert, "-days",
                     "2", "-extfile", extensions)

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Fake:
    """A server that says what it likes: `serve(connection, number)` is
    called for each connection, in a thread of its own."""

    def __init__(self, serve):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.count = 0
        self.connections = []
        self.closing = False
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    @property
    def endpoint(self):
        return f"127.0.0.1:{self.port}"

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            if self.closing:
                connection.close()
                return
            self.connections.append(connection)
            self.count += 1
            threading.Thread(target=self.run, args=(connection, self.count),
                             daemon=True).start()

    def run(self, connection, number):
        try:
            self.serve(connection, number)
        except (OSError, ConnectionError):
            pass
        connection.close()

    def remove(self):
        self.closing = True
        socket.create_connection(("127.0.0.1", self.port)).close()
        self.thread.join()
        self.socket.close()
        for connection in self.connections:
            connection.close()


def read_command(file):
    """The next command as a list of bytes."""
    line = file.readline()
    if not line:
        raise ConnectionError("closed")
    out = []
    for _ in range(int(line[1:])):
        length = int(file.readline()[1:])
        out.append(file.read(length + 2)[:-2])
    return out


class Probe:
    """The store, and what it has said so far."""

    def __init__(self, *endpoints, realm=("r",), **settings):
        arguments = [f"endpoint={e}" for e in endpoints]
        arguments += [f"realm={r}" for r in realm]
        arguments += [f"{k}={v}" for k, v in settings.items()]
        self.process = subprocess.Popen(
            [PROBE, *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            # What the address sanitizer keeps looks like a leak.
            env={"ASAN_OPTIONS": "quarantine_size_mb=1", **os.environ})
        self.events = []
        self.more = threading.Condition()
        self.ended = False
        self.tickets = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "noise", "line": line.decode("latin-1")}
            event["at"] = time.monotonic()
            with self.more:
                self.events.append(event)
                self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    def command(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def mark(self):
        """Where the events end now: a place to wait from."""
        with self.more:
            return len(self.events)

    def wait(self, event, after=0, wait_s=WAIT_S, **fields):
        """The first such event; a callable field is asked."""
        def matches(e):
            return e["event"] == event and all(
                v(e.get(k)) if callable(v) else e.get(k) == v
                for k, v in fields.items())

        end = time.monotonic() + wait_s
        seen = after
        with self.more:
            while True:
                for e in self.events[seen:]:
                    if matches(e):
                        return e
                seen = len(self.events)
                left = end - time.monotonic()
                assert left > 0 and not self.ended, \
                    f"no {event} {fields}: {self.events[-30:]}"
                self.more.wait(left)

    def wait_log(self, message, after=0, **fields):
        return self.wait("log", after, record=lambda r: r["message"] ==
                         message and all(r.get(k) == v if not callable(v) else
                                         v(r.get(k))
                                         for k, v in fields.items()))["record"]

    def logs(self, message):
        with self.more:
            return [e["record"] for e in self.events if e["event"] == "log"
                    and e["record"]["message"] == message]

    def up(self, after=0):
        """Connected, and listening to changes."""
        self.wait_log("redis connected", after)
        self.wait_log("redis changes are heard of", after)
        return self

    def send(self, name, realm=0, reader=0, recheck=False):
        name = name if isinstance(name, bytes) else name.encode()
        self.tickets += 1
        self.command(f"ask {reader} {realm} {name.hex() or '-'}"
                     f"{' recheck' if recheck else ''}")
        return self.tickets

    def answer(self, ticket, wait_s=WAIT_S):
        return self.wait("answer", ticket=ticket, wait_s=wait_s)

    def ask(self, name, **how):
        return self.answer(self.send(name, **how))

    def status(self):
        mark = self.mark()
        self.command("status")
        return self.wait("status", mark)

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        self.process.stdout.close()
        noise = [e["line"] for e in self.events if e["event"] == "noise"]
        assert not noise, "".join(noise)
        assert self.process.returncode == 0

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
