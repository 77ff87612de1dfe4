"""Running turnpikectl: to its end, or on a terminal."""

import json
import os
import subprocess

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
