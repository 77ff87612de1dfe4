"""Fixtures: the daemon, its clients, network namespaces."""

import os
import re

import pytest

import coturn
import daemon as daemons
import netns
from turnclient import Peer, TurnClient

AGAINST_COTURN = os.environ.get("TURN_SERVER") == "coturn"
NO_SKIP = os.environ.get("TURNPIKE_NO_SKIP") == "1"
# "2/3": the second of three parts of the tests, see `run`.
SHARD = os.environ.get("TURNPIKE_SHARD", "1/1")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "turnpike: holds for turnpiked, not for every server")
    config.addinivalue_line("markers", "root: needs root")


def pytest_collection_modifyitems(items):
    """Every n-th test from the i-th on, so that the cases of one slow test
    end up in different parts."""
    part, parts = map(int, SHARD.split("/"))
    items[:] = items[part - 1::parts]


def pytest_sessionstart(session):
    if not AGAINST_COTURN and not os.access(daemons.BINARY, os.X_OK) \
            and not session.config.option.collectonly:
        pytest.exit(f"{daemons.BINARY} is not there: run make", 2)


def pytest_runtest_setup(item):
    if AGAINST_COTURN and item.get_closest_marker("turnpike"):
        pytest.skip("not for coturn")
    if item.get_closest_marker("root") and not daemons.IS_ROOT:
        pytest.skip("needs root")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if NO_SKIP and report.skipped:
        reason = report.longrepr[2] if report.longrepr else "skipped"
        report.outcome = "failed"
        report.longrepr = f"{reason} (TURNPIKE_NO_SKIP=1)"


@pytest.fixture
def folder():
    made = daemons.Folder()
    yield made
    made.remove()


@pytest.fixture
def daemon(folder):
    """daemon(key=value, ...) starts a server and returns it. Keys are those
    of the configuration file. `remove` names keys of ours to leave out;
    `netns`, `env` and `stderr` are as Server has them, `arguments` stand on
    the command line, `prefix` in place of the program. Whatever still runs
    at the end is stopped by SIGTERM and must end cleanly."""
    started = []

    def start(*, address="127.0.0.1", port=None, remove=(), netns=None,
              env=None, stderr=None, files=None, arguments=(), prefix=(),
              **changes):
        make = netns.socket if netns else None
        port = port or daemons.free_port(
            "0.0.0.0" if netns else address, make)
        where = files or folder
        config = daemons.base_config(where, address, port)
        config.update(changes)
        for key in remove:
            config.pop(key, None)
        how = {"netns": netns, "env": env, "stderr": stderr}
        if AGAINST_COTURN:
            server = coturn.server(where, config, **how)
        else:
            path = where.write(f"turnpike-{len(started)}.conf",
                               daemons.render_file(config))
            server = daemons.Server(where, [
                *(prefix or [daemons.BINARY]), "-c", path, *arguments],
                config, **how)
            server.path = path
        started.append(server)
        return server.start()

    yield start
    try:
        for server in started:
            server.stop(None if AGAINST_COTURN else 0)
            check_log(server)
    finally:
        for server in started:
            server.kill()
            for line in server.log[-60:]:
                print("log:", line)


def check_log(server):
    """What no test may cause: sanitizers' reports and secrets."""
    if AGAINST_COTURN:
        return
    text = "\n".join(server.log)
    assert not re.search(r"Sanitizer|runtime error:|Assertion", text), text
    for user in server.config["users"]:
        for secret in (user.get("password"), user.get("key_md5")):
            assert not secret or secret == "secret" or secret not in text


@pytest.fixture
def client():
    """client(server, ...) makes a TurnClient that is closed at the end."""
    made = []

    def make(server, *args, **kwargs):
        address = getattr(server, "address", server)
        made.append(TurnClient(address, *args, **kwargs))
        return made[-1]

    yield make
    for c in made:
        c.close()


@pytest.fixture
def peer():
    """peer(address) makes a Peer that is closed at the end."""
    made = []

    def make(*args, **kwargs):
        made.append(Peer(*args, **kwargs))
        return made[-1]

    yield make
    for p in made:
        p.close()


@pytest.fixture
def namespaces():
    """namespaces("a", "b") makes network namespaces, removed at the end."""
    made = []

    def make(*names):
        for name in names:
            made.append(netns.Namespace(name))
        return made[-len(names):]

    yield make
    for ns in made:
        ns.remove()
