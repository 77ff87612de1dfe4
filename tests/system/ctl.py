"""Running turnpikectl: to its end, or on a terminal."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import daemon as daemons

BINARY = os.path.abspath(os.environ.get("TURNPIKECTL", os.path.join(
    os.path.dirname(daemons.BINARY), "turnpikectl")))

# As turnpikectl(1) has them.
OK, FAILED, WARNED = 0, 1, 2
USAGE, DATA, NO_INPUT = 64, 65, 66
UNAVAILABLE, NO_OUTPUT, TIMEOUT, PROTOCOL, REFUSED, CONFIG = \
    69, 73, 75, 76, 77, 78


class Result:
    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout.decode()
        self.err = process.stderr.decode()

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n{self.out}\n{self.err}"


def run(*arguments, expect=OK, given=b"", timeout_s=30, prefix=(), env=None):
    """Run it to its end; the status must be `expect` unless that is None."""
    environment = daemons.clean_environment()
    environment.pop("TURNPIKE_CONTROL", None)
    environment.update(env or {})
    result = Result(subprocess.run(
        [*prefix, BINARY, *arguments], env=environment, input=given,
        capture_output=True, timeout=timeout_s))
    assert expect is None or result.status == expect, result
    assert "\x1b" not in result.out + result.err
    return result


class Terminal:
    """turnpikectl on a terminal of its own."""

    def __init__(self, *arguments, env=None, rows=24, columns=80):
        environment = daemons.clean_environment()
        environment.pop("TURNPIKE_CONTROL", None)
        environment.pop("NO_COLOR", None)
        environment.update({"TERM": "xterm"}, **(env or {}))
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                self.resize(0, rows, columns)
                os.execve(BINARY, [BINARY, *arguments], environment)
            finally:
                os._exit(127)
        self.text = ""
        self.status = None

    @staticmethod
    def resize(fd, rows, columns):
        fcntl.ioctl(fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def await_text(self, wanted, timeout_s=15):
        """Read until there is `wanted` in what has not been waited for."""
        deadline = time.monotonic() + timeout_s
        while wanted not in self.text:
            left = deadline - time.monotonic()
            assert left > 0 and self.read(left), \
                f"no {wanted!r} in {self.text!r}"
        before, _, self.text = self.text.partition(wanted)
        return before

    def read(self, timeout_s):
        """Some more of what it writes; False at the end or the time-out."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return False
        try:
            got = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += got.decode(errors="replace")
        return bool(got)

    def type(self, text):
        os.write(self.fd, text.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def await_echo(self, wanted, timeout_s=10):
        daemons.until(lambda: self.echoes() == wanted, timeout_s)

    def wait(self, expect=OK, timeout_s=15):
        """Its end: all that it has written since the last await_text()."""
        deadline = time.monotonic() + timeout_s
        while self.read(max(0, deadline - time.monotonic())):
            pass
        daemons.until(self.has_ended, max(1, deadline - time.monotonic()))
        assert expect is None or self.status == expect, (self.status,
                                                         self.text)
        return self.text

    def has_ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def close(self):
        if not self.has_ended():
            os.kill(self.pid, signal.SIGKILL)
            daemons.until(self.has_ended)
        os.close(self.fd)
