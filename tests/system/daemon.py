"""Starting and stopping the server under test.

A Server is one process in the foreground with a configuration made from a
Python dictionary. It is ready when it has said so to the notification socket,
so nothing here sleeps. Its log is read all the time by a thread.
"""

import itertools
import os
import pwd
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BINARY = os.path.abspath(os.environ.get(
    "TURNPIKED", os.path.join(ROOT, "build", "turnpiked")))

START_S = 30  # sanitizers are slow
STOP_S = 30

# Relay ports stay out of the range from which the kernel gives ports to
# clients and peers, so that a test's own socket is never a relayed address.
RELAY_PORTS = [61000, 65535]

IS_ROOT = os.geteuid() == 0
UNPRIVILEGED = "nobody"


def render(value, depth=0):
    """A Python value as libconfig text: lists of dictionaries, and tuples,
    become lists of groups, other lists arrays."""
    tab = "\t" * depth
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, dict):
        inner = "".join(f"{tab}\t{k} = {render(v, depth + 1)};\n"
                        for k, v in value.items())
        return "{\n" + inner + tab + "}"
    if isinstance(value, tuple) or value and isinstance(value[0], dict):
        return "( " + ", ".join(render(v, depth) for v in value) + " )"
    return "[ " + ", ".join(render(v, depth) for v in value) + " ]"


def render_file(config):
    return "".join(f"{k} = {render(v)};\n" for k, v in config.items())


def free_port(address="127.0.0.1", make=None):
    """A UDP port nobody has bound, outside the kernel's own range."""
    while True:
        port = random.randrange(20000, 32000)
        sock = make() if make else socket.socket(socket.AF_INET,
                                                 socket.SOCK_DGRAM)
        with sock:
            try:
                sock.bind((address, port))
                return port
            except OSError:
                continue


def free_range(count, address="127.0.0.1"):
    """The first of `count` adjacent free UDP ports, even."""
    while True:
        first = random.randrange(RELAY_PORTS[0], 65535 - count, 2)
        socks = []
        try:
            for port in range(first, first + count):
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                socks.append(sock)
                sock.bind((address, port))
            return first
        except OSError:
            continue
        finally:
            for sock in socks:
                sock.close()


def clean_environment():
    """This process's environment without what a service manager set."""
    drop = ("JOURNAL_STREAM", "INVOCATION_ID", "NOTIFY_SOCKET",
            "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
            "STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY")
    return {k: v for k, v in os.environ.items() if k not in drop}


class Folder:
    """A scratch directory that an unprivileged daemon can enter."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="tp-")
        os.chmod(self.path, 0o755)
        self.state = os.path.join(self.path, "state")
        os.mkdir(self.state, 0o700)
        if IS_ROOT:
            user = pwd.getpwnam(UNPRIVILEGED)
            os.chown(self.state, user.pw_uid, user.pw_gid)

    def write(self, name, text):
        """A configuration as it should be: secret, and readable by the
        group of the daemon's user."""
        path = os.path.join(self.path, name)
        with open(path, "w") as out:
            out.write(text)
        os.chmod(path, 0o640)
        if IS_ROOT:
            os.chown(path, 0, pwd.getpwnam(UNPRIVILEGED).pw_gid)
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


numbers = itertools.count(1)


def base_config(folder, address, port):
    """What tests need beside the defaults; their own keys replace these."""
    config = {
        "realm": "example.org",
        "listen": [{"transport": "udp", "address": address, "port": port}],
        "relay": {"address": address, "ports": RELAY_PORTS},
        "users": [{"name": "alice", "password": "secret"}],
        "peers": {"allow": ["127.0.0.0/8"]},
        "workers": 2,
        "state_dir": folder.state,
        # Tests end with sessions; test_drain.py is about those.
        "drain": {"deadline": "0s"},
        # Several may run at a time, of one port, too, on other addresses.
        "control": {"socket": f"{folder.state}/control-{next(numbers)}.sock",
                    "http": ""},
    }
    if IS_ROOT:
        config["user"] = UNPRIVILEGED
    return config


class Server:
    """One running server.

    address    (ip, port) of the first listener
    config     the dictionary it was started with
    log        the lines of its log so far
    notified   the messages it sent to the notification socket
    """

    def __init__(self, folder, command, config, *, netns=None, env=None,
                 stderr=None):
        self.folder = folder
        self.command = command
        self.config = config
        self.netns = netns
        first = config["listen"][0]
        self.address = first["address"], first["port"]
        self.realm = config["realm"]
        self.relay_ports = config["relay"]["ports"]
        self.log = []
        self.log_changed = threading.Condition()
        self.notified = []
        self.env = dict(clean_environment(), **(env or {}))
        self.stderr = stderr
        self.process = None

    # Life.

    def start(self):
        path = tempfile.mktemp(prefix="notify-", dir=self.folder.path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        os.chmod(path, 0o666)
        prefix = ["ip", "netns", "exec", self.netns.name] \
            if self.netns else []
        self.process = subprocess.Popen(
            prefix + self.command, env=dict(self.env, NOTIFY_SOCKET=path),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            if self.stderr is not None else subprocess.PIPE,
            stderr=self.stderr if self.stderr is not None
            else subprocess.STDOUT, start_new_session=True)
        self.pid = self.process.pid
        self.pidfd = os.pidfd_open(self.pid)
        self.reader = None
        if self.stderr is None:
            self.reader = threading.Thread(target=self.read_log, daemon=True)
            self.reader.start()
        self.await_notify("READY=1", START_S)
        return self

    def read_log(self):
        for line in self.process.stdout:
            with self.log_changed:
                self.log.append(line.decode(errors="replace").rstrip("\n"))
                self.log_changed.notify_all()

    def await_notify(self, wanted, timeout_s=10, since=0):
        """Wait for a line of a notification, e.g. "STOPPING=1", among those
        from number `since` on; returns the whole message."""
        deadline = time.monotonic() + timeout_s
        at = since
        ended = False
        while True:
            while at < len(self.notified):
                if wanted in self.notified[at].splitlines():
                    return self.notified[at]
                at += 1
            left = deadline - time.monotonic()
            assert left > 0, f"no {wanted} within {timeout_s} s"
            ready, _, _ = select.select([self.notify, self.pidfd], [], [],
                                        left)
            if self.notify in ready:
                self.notified.append(self.notify.recv(4096).decode())
            elif ready:
                # One more look: what it sent last may still be there.
                if ended:
                    code = self.process.wait()
                    if self.reader:
                        self.reader.join()
                    raise AssertionError(
                        f"it ended with {code} before {wanted}:\n"
                        + "\n".join(self.log))
                ended = True

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        signal.pidfd_send_signal(self.pidfd, number)

    def stop(self, expect=0):
        """SIGTERM, then everything that a clean end is: the exit status,
        the whole log, and no process left behind."""
        if self.process is None:
            return
        if self.running:
            self.signal(signal.SIGTERM)
        code = self.wait()
        if expect is not None:
            assert code == expect, (
                f"exit status {code}, expected {expect}:\n"
                + "\n".join(self.log[-40:]))
        left = processes_of_session(self.pid)
        assert not left, f"processes left behind: {left}"

    def wait(self, timeout_s=STOP_S):
        """Wait for the end; returns the exit status. Kills after the
        time-out and says so."""
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(
                f"still running {timeout_s} s after SIGTERM") from None
        if self.reader:
            self.reader.join()
        while select.select([self.notify], [], [], 0)[0]:
            self.notified.append(self.notify.recv(4096).decode())
        return code

    def kill(self):
        """For teardown: whatever happened, nothing stays."""
        if self.running:
            self.process.kill()
            self.process.wait()
        if self.process is not None:
            self.notify.close()
            os.close(self.pidfd)

    # Looking at it.

    def lines(self, pattern, since=0):
        return [line for line in self.log[since:] if re.search(pattern, line)]

    def await_log(self, pattern, timeout_s=5, since=0):
        """Wait for a log line that matches; returns it."""
        deadline = time.monotonic() + timeout_s
        with self.log_changed:
            while True:
                found = self.lines(pattern, since)
                if found:
                    return found[0]
                left = deadline - time.monotonic()
                assert left > 0 and self.log_changed.wait(left), (
                    f"no log line matches {pattern!r}:\n"
                    + "\n".join(self.log[-40:]))

    def status(self, field, task=None):
        """A field of /proc/PID/status, e.g. "VmRSS"."""
        where = f"task/{task}/status" if task else "status"
        with open(f"/proc/{self.pid}/{where}") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name == field:
                    return value.strip()
        return None

    def rss_kb(self):
        """Resident memory; 0 if it cannot be told: the daemon shows nothing
        of itself to others than root, and a sanitizer has its own."""
        if not IS_ROOT:
            return 0
        with open(f"/proc/{self.pid}/maps") as maps:
            if re.search(r"lib[atu]+san|libclang_rt", maps.read()):
                return 0
        return int(self.status("VmRSS").split()[0])

    def descriptors(self):
        """How many it has open; 0 if it cannot be told."""
        if not IS_ROOT:
            return 0
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def tasks(self):
        """{thread id: name}"""
        names = {}
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            with open(f"/proc/{self.pid}/task/{tid}/comm") as comm:
                names[int(tid)] = comm.read().strip()
        return names


def until(condition, timeout_s=5):
    """Ask until it is so: for what the daemon does after it has answered,
    or learns from the kernel."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def processes_of_session(sid):
    """Process ids of a session, without zombies."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(sid) and fields[0] != "Z":
            found.append(int(name))
    return found


def unprivileged(folder):
    """The command that starts turnpiked as systemd does, with nothing to
    give up: a copy, for the build may be where only root can go."""
    if not IS_ROOT:
        return [BINARY]
    copy = os.path.join(folder.path, "turnpiked")
    if not os.path.exists(copy):
        shutil.copy(BINARY, copy)
    gid = pwd.getpwnam(UNPRIVILEGED).pw_gid
    return ["setpriv", "--reuid", UNPRIVILEGED, "--regid", str(gid),
            "--clear-groups", copy]


def run_binary(*arguments, timeout_s=START_S):
    """Run turnpiked to its end; returns the CompletedProcess, as text."""
    return subprocess.run([BINARY, *arguments], env=clean_environment(),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout_s)
