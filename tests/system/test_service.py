"""As a service: notifications, watchdog, signals, privileges, sandbox."""

import ctypes
import os
import pwd
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

import daemon as daemons
import stun

pytestmark = pytest.mark.turnpike


def test_ready_means_ready(daemon, client):
    """The first datagram after READY=1 is answered: no retransmission."""
    for _ in range(5):
        server = daemon()
        c = client(server)
        c.raw(stun.encode(stun.BINDING))
        assert c.read(1) is not None
        server.stop()


def test_status_is_told(daemon):
    server = daemon()
    server.stop()
    assert any(line.startswith("STATUS=") for message in server.notified
               for line in message.splitlines())


def test_stopping_is_told(daemon, client):
    server = daemon()
    client(server).allocate()
    server.signal(signal.SIGTERM)
    server.await_notify("STOPPING=1")
    assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(daemon, number):
    server = daemon()
    server.signal(number)
    assert server.wait(10) == 0


def test_without_a_notification_socket(folder):
    """Started by hand: NOTIFY_SOCKET is not there."""
    config = daemons.base_config(folder, "127.0.0.1", daemons.free_port())
    path = folder.write("turnpike.conf", daemons.render_file(config))
    with subprocess.Popen([daemons.BINARY, "-c", path],
                          env=daemons.clean_environment(),
                          stderr=subprocess.PIPE, text=True) as process:
        assert any(" ready " in line for line in process.stderr)
        process.terminate()
        assert process.wait(10) == 0


# Shorter than the unit's; workers pass their loop once a second.
WATCHDOG = {"WATCHDOG_USEC": "6000000"}


def test_watchdog_is_fed(daemon):
    server = daemon(env=WATCHDOG)
    for _ in range(2):
        server.await_notify("WATCHDOG=1", since=len(server.notified),
                            timeout_s=6)


def test_no_watchdog_unless_asked(daemon):
    server = daemon()
    server.stop()
    assert not any("WATCHDOG=1" in m for m in server.notified)


PTRACE_ATTACH, PTRACE_DETACH = 16, 17
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p,
                        ctypes.c_void_p]


class StoppedThread:
    """One thread of a process that makes no step, the others run."""

    def __init__(self, tid):
        self.tid = tid

    def __enter__(self):
        assert libc.ptrace(PTRACE_ATTACH, self.tid, None, None) == 0, \
            os.strerror(ctypes.get_errno())
        os.waitpid(self.tid, WALL)

    def __exit__(self, *_):
        libc.ptrace(PTRACE_DETACH, self.tid, None, None)


@pytest.mark.root
@pytest.mark.parametrize("name, count", [(r"/\d+$", 2), ("^redis$", 1)],
                         ids=["worker", "store"])
def test_watchdog_is_not_fed_while_a_thread_hangs(daemon, name, count):
    server = daemon(env=WATCHDOG, workers=2,
                    redis={"endpoints": ["127.0.0.1:9"]})
    threads = [tid for tid, task in server.tasks().items()
               if re.search(name, task)]
    assert len(threads) == count, server.tasks()
    server.await_notify("WATCHDOG=1", since=len(server.notified))
    with StoppedThread(threads[-1]):
        # One may be on its way already.
        began = len(server.notified)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if select.select([server.notify], [], [], 0.2)[0]:
                server.notified.append(server.notify.recv(4096).decode())
        fed = [m for m in server.notified[began:] if "WATCHDOG=1" in m]
        assert len(fed) <= 1
    server.await_notify("WATCHDOG=1", since=len(server.notified))


@pytest.mark.root
def test_root_is_given_up(daemon, client):
    """Every thread: the user's ids, no capability, no way back; and the
    process cannot be looked into, nor leave a core dump with its keys."""
    server = daemon()
    client(server).allocate()
    user = pwd.getpwnam(daemons.UNPRIVILEGED)
    assert len(server.tasks()) > 1
    for task in server.tasks():
        ids = server.status("Uid", task).split()
        groups = server.status("Gid", task).split()
        assert set(ids) == {str(user.pw_uid)}
        assert set(groups) == {str(user.pw_gid)}
        assert set(server.status("Groups", task).split()) <= {
            str(user.pw_gid)}
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(server.status(capabilities, task), 16) == 0
        assert server.status("NoNewPrivs", task) == "1"
    # The files of a process that is not dumpable belong to root.
    assert os.stat(f"/proc/{server.pid}/environ").st_uid == 0


@pytest.mark.root
def test_root_without_a_user_to_become(folder):
    config = daemons.base_config(folder, "127.0.0.1", daemons.free_port())
    config["user"] = "no-such-user-here"
    path = folder.write("turnpike.conf", daemons.render_file(config))
    done = daemons.run_binary("-c", path)
    assert done.returncode not in (0, None)
    assert "no-such-user-here" in done.stderr


def test_started_without_privileges(daemon, client, folder):
    """As systemd starts it: there is nothing to give up."""
    server = daemon(prefix=daemons.unprivileged(folder))
    client(server).allocate()


@pytest.mark.root
def test_no_descriptor_is_left_to_children_or_strangers(daemon):
    """What the daemon holds is close-on-exec, and nothing of ours but the
    three standard ones came along."""
    server = daemon()
    for fd in os.listdir(f"/proc/{server.pid}/fdinfo"):
        if int(fd) <= 2:
            continue
        with open(f"/proc/{server.pid}/fdinfo/{fd}") as info:
            flags = int(re.search(r"flags:\s*(\d+)", info.read())[1], 8)
        assert flags & 0o2000000, (
            fd, os.readlink(f"/proc/{server.pid}/fd/{fd}"))


def render_unit(folder, name):
    """A template of systemd/ as `make install` would write it."""
    path = os.path.join(daemons.ROOT, "systemd", name + ".in")
    with open(path) as template:
        text = template.read()
    for word, value in (("sbindir", "/usr/sbin"), ("bindir", "/usr/bin"),
                        ("sysconfdir", "/etc"), ("docdir", "/usr/share")):
        text = text.replace(f"@{word}@", value)
    assert not re.search(r"@\w+@", text)
    return text


def exposure(folder, text):
    """What systemd-analyze makes of a unit."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze")
    path = os.path.join(folder.path, "turnpiked.service")
    with open(path, "w") as unit:
        unit.write(text)
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", path],
        capture_output=True, text=True)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    return float(found[1])


def test_exposure(folder):
    assert exposure(folder, render_unit(folder, "turnpiked.service")) <= 1.2


def test_exposure_with_privileged_ports(folder):
    """The drop-in's settings come after the unit's own."""
    unit = render_unit(folder, "turnpiked.service")
    extra = render_unit(folder, "privileged-port.conf")
    settings = [line for line in extra.splitlines()
                if "=" in line and not line.startswith("#")]
    unit = unit.replace("[Install]", "\n".join(settings) + "\n[Install]")
    assert exposure(folder, unit) <= 1.5


def test_exposure_of_the_address_unit(folder):
    text = render_unit(folder, "turnpike-address.service")
    assert exposure(folder, text) <= 1.2


def test_only_the_address_unit_reaches_the_metadata_service(folder):
    """... and nothing else; systemd lets the more exact of the lists win
    only if it allows, so the daemon's must allow nothing."""
    unit = render_unit(folder, "turnpiked.service").splitlines()
    assert "IPAddressDeny=169.254.0.0/16 168.63.129.16/32" in unit
    assert not [line for line in unit if line.startswith("IPAddressAllow")]
    address = render_unit(folder, "turnpike-address.service").splitlines()
    assert [line for line in address if line.startswith("IPAddress")] == [
        "IPAddressDeny=any", "IPAddressAllow=169.254.169.254/32"]


def test_the_address_comes_before_the_daemon(folder):
    """They share a directory, which must outlive the one that ends."""
    unit = render_unit(folder, "turnpiked.service").splitlines()
    for line in ("Wants=turnpike-address.service turnpike-address.timer",
                 "After=turnpike-address.service"):
        assert line in unit
    for name in ("turnpiked.service", "turnpike-address.service"):
        unit = render_unit(folder, name).splitlines()
        for line in ("RuntimeDirectory=turnpike",
                     "RuntimeDirectoryPreserve=yes", "User=turnpike"):
            assert line in unit, (name, line)


@pytest.mark.skipif(not shutil.which("systemd-analyze"),
                    reason="systemd-analyze")
def test_units_are_understood(folder):
    """No setting that systemd ignores. Programs and other units are not
    there, which is all that may be said."""
    names = ("turnpiked.service", "turnpike-address.service",
             "turnpike-address.timer")
    paths = []
    for name in names:
        text = render_unit(folder, name)
        paths.append(os.path.join(folder.path, name))
        with open(paths[-1], "w") as unit:
            unit.write(re.sub(r"(?m)^Exec(\w+)=.*", r"Exec\1=/bin/true",
                              text))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           "--recursive-errors=no", *paths],
                          capture_output=True, text=True)
    about = [line for line in done.stderr.splitlines()
             if any(path in line or name in line
                    for path, name in zip(paths, names))]
    assert not about, done.stderr


def test_unit_says_what_the_daemon_does(folder):
    unit = render_unit(folder, "turnpiked.service")
    for line in ("Type=notify", "RestartPreventExitStatus=78",
                 "LimitCORE=0", "NoNewPrivileges=yes",
                 "ExecReload=/usr/bin/turnpikectl reload",
                 "ExecStart=/usr/sbin/turnpiked -c "
                 "/etc/turnpike/turnpike.conf"):
        assert line in unit.splitlines(), line
    assert re.search(r"(?m)^WatchdogSec=\d", unit)
