"""turnpike-address against stand-ins of what it asks, and a server whose
relay.advertise is "auto"."""

import os
import re
import stat
import subprocess
import time

import pytest

import daemon as daemons
from control import Control
from metadata import (INTERFACES, LOAD_BALANCER, Metadata, Nat, StunServer,
                      interfaces, load_balancer, send)
from test_reload import reload

pytestmark = pytest.mark.turnpike

BINARY = os.path.join(os.path.dirname(daemons.BINARY), "turnpike-address")
OURS, PUBLIC, OTHER = "127.0.0.1", "20.202.255.255", "20.202.0.1"
BY_METADATA = interfaces(("10.9.9.9", OTHER), (OURS, PUBLIC))
EMPTY = interfaces((OURS, ""))
BY_LOAD_BALANCER = load_balancer(("10.9.9.9", OTHER), (OURS, PUBLIC))


def file_text(address=PUBLIC, source="azure-metadata"):
    return ("turnpike-advertised 1\n"
            f"address {address}\nsource {source}\n"
            "time 2026-11-25T21:00:00Z\n")


class Site:
    """A configuration, a run-time directory, and the program."""

    def __init__(self, folder):
        self.folder = folder
        self.file = os.path.join(folder.path, "advertised")
        self.env = dict(daemons.clean_environment(),
                        RUNTIME_DIRECTORY=folder.path)

    def write_conf(self, stun_servers=(), advertise="auto"):
        config = daemons.base_config(self.folder, OURS, daemons.free_port())
        config["relay"].update(advertise=advertise,
                               stun_servers=list(stun_servers))
        return self.folder.write("turnpike.conf",
                                 daemons.render_file(config))

    def run(self, *arguments, url="http://127.0.0.1:1", env=None, **conf):
        return subprocess.run(
            [BINARY, "-c", self.write_conf(**conf), "--metadata-url", url,
             *arguments], env=dict(self.env, **(env or {})),
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=daemons.START_S)

    def put(self, text):
        """As whoever replaces it does."""
        with open(self.file + ".test", "w") as out:
            out.write(text)
        os.rename(self.file + ".test", self.file)

    @property
    def found(self):
        """{name: value} of the file; None if there is none."""
        if not os.path.exists(self.file):
            return None
        with open(self.file) as lines:
            return dict(line.split() for line in lines)


@pytest.fixture
def site(folder):
    return Site(folder)


@pytest.fixture
def metadata():
    """metadata({path: answer}) starts a stand-in."""
    started = []

    def start(answers):
        started.append(Metadata(answers))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def stun_server():
    started = []

    def start(*arguments, **how):
        started.append(StunServer(*arguments, **how))
        return started[-1]

    yield start
    for server in started:
        server.close()


# What is found.

def test_by_the_metadata_service(site, metadata):
    service = metadata({INTERFACES: BY_METADATA})
    done = site.run(url=service.url)
    assert done.returncode == 0, done.stderr
    assert service.asked == [INTERFACES]
    assert site.found["address"] == PUBLIC
    assert site.found["source"] == "azure-metadata"
    assert site.found["turnpike-advertised"] == "1"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ",
                        site.found["time"])
    assert stat.S_IMODE(os.stat(site.file).st_mode) == 0o644
    assert f"azure-metadata: {PUBLIC}" in done.stderr
    assert f"{site.file} is {PUBLIC}, by azure-metadata" in done.stderr


def test_a_standard_address_by_the_load_balancer(site, metadata):
    service = metadata({INTERFACES: EMPTY, LOAD_BALANCER: BY_LOAD_BALANCER})
    done = site.run(url=service.url)
    assert done.returncode == 0, done.stderr
    assert service.asked == [INTERFACES, LOAD_BALANCER]
    assert site.found["address"] == PUBLIC
    assert site.found["source"] == "azure-load-balancer"
    assert "azure-metadata: no public address" in done.stderr




def huge(handler):
    send(handler, EMPTY.encode() + b" " * 70000)


def huge_without_length(handler):
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b" " * 70000)


def endless_headers(handler):
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        handler.wfile.write(b"X-%d: xxxxxxxxxxxxxxxxxxxx\r\n" % number)


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(BY_METADATA.encode()[:100])


@pytest.mark.parametrize("answer, said", [
    (None, "refused with status 404"),
    (huge, "too long"),
    (huge_without_length, "too long"),
    (endless_headers, "too long|not whole"),
    (cut, "not whole"),
    ("<html>captive portal</html>", "not as documented"),
    ("[]", "does not know"),
    ("[" * 5000, "not as documented"),
    ('{"loadbalancer": 5}', "not as documented"),
    (interfaces(("10.9.9.9", OTHER)), "does not know"),
    (interfaces((OURS, "10.1.2.3")), "not a public one"),
    (interfaces((OURS, "169.254.1.1")), "not a public one"),
    (interfaces((OURS, "224.0.0.1")), "not a public one"),
    (interfaces((OURS, "not an address")), "not as documented"),
    (interfaces((OURS, PUBLIC), (OURS, OTHER)), "several"),
])
def test_a_bad_answer_is_none(site, metadata, answer, said):
    """... and the next source is asked."""
    answers = {LOAD_BALANCER: BY_LOAD_BALANCER}
    if answer is not None:
        answers[INTERFACES] = answer
    service = metadata(answers)
    done = site.run(url=service.url)
    assert done.returncode == 0, done.stderr
    assert site.found["source"] == "azure-load-balancer"
    assert re.search(f"azure-metadata: .*({said})", done.stderr), done.stderr


def test_a_slow_answer_is_none(site, metadata):
    service = metadata({LOAD_BALANCER: BY_LOAD_BALANCER})
    service.answers[INTERFACES] = \
        lambda handler: service.stopping.wait(daemons.START_S)
    began = time.monotonic()
    done = site.run(url=service.url)
    assert time.monotonic() - began < 2 + 5
    assert done.returncode == 0, done.stderr
    assert "azure-metadata: no answer in time" in done.stderr
    assert site.found["source"] == "azure-load-balancer"


def test_a_trickle_is_no_answer(site, metadata):
    """Each byte in time, all of them not."""
    service = metadata({LOAD_BALANCER: BY_LOAD_BALANCER})

    def trickle(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not service.stopping.wait(0.1):
            handler.wfile.write(b" ")

    service.answers[INTERFACES] = trickle
    done = site.run(url=service.url)
    assert "azure-metadata: " in done.stderr
    assert site.found["source"] == "azure-load-balancer"


def test_a_redirect_is_not_followed(site, metadata):
    elsewhere = metadata({INTERFACES: BY_METADATA})

    def redirect(handler):
        handler.send_response(302)
        handler.send_header("Location", elsewhere.url + INTERFACES)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    service = metadata({INTERFACES: redirect})
    done = site.run(url=service.url)
    assert done.returncode == 1
    assert "azure-metadata: refused with status 302" in done.stderr
    assert elsewhere.asked == []
    assert site.found is None


def test_no_proxy_is_used(site, metadata):
    proxy = metadata({})
    service = metadata({INTERFACES: BY_METADATA})
    done = site.run(url=service.url, env={
        "http_proxy": proxy.url, "HTTP_PROXY": proxy.url,
        "all_proxy": proxy.url})
    assert done.returncode == 0, done.stderr
    assert proxy.asked == []


# STUN.

def test_by_a_stun_server(site, stun_server):
    server = stun_server(PUBLIC)
    done = site.run(stun_servers=[server.address])
    assert done.returncode == 0, done.stderr
    assert "azure-metadata: no connection" in done.stderr
    assert site.found["address"] == PUBLIC
    assert site.found["source"] == f"stun:{server.address}"


def test_stun_requests_are_sent_again(site, stun_server):
    server = stun_server(PUBLIC, drop=2)
    done = site.run(stun_servers=[server.address])
    assert done.returncode == 0, done.stderr
    assert len(server.requests) == 3
    assert len({request for _, request in server.requests}) == 1


def test_transaction_ids_are_not_repeated(site, stun_server):
    server = stun_server(PUBLIC)
    for _ in range(2):
        site.run(stun_servers=[server.address])
    assert len({request for _, request in server.requests}) == 2


def test_a_stun_answer_to_another_question_is_none(site, stun_server):
    server = stun_server(PUBLIC, forge=lambda tid: bytes(12))
    done = site.run(stun_servers=[server.address])
    assert done.returncode == 1
    assert f"stun:{server.address}: no answer in time" in done.stderr


def test_stun_servers_must_agree(site, stun_server):
    one, other = stun_server(PUBLIC), stun_server(OTHER)
    done = site.run(stun_servers=[one.address, other.address])
    assert done.returncode == 1
    assert "another address" in done.stderr
    assert site.found is None


def test_one_stun_server_is_enough(site, stun_server):
    """The first one is away."""
    server = stun_server(PUBLIC)
    away = f"127.0.0.1:{daemons.free_port()}"
    done = site.run(stun_servers=[away, server.address])
    assert done.returncode == 0, done.stderr
    assert site.found["source"] == f"stun:{server.address}"


def test_our_own_server_is_a_stun_server(site, daemon):
    """It sees us by a private address here, which is not believed."""
    server = daemon()
    address = "%s:%d" % server.address
    done = site.run(stun_servers=[address])
    assert done.returncode == 1
    assert f"stun:{address}: 127.0.0.1, which is not a public address" \
        in done.stderr


@pytest.mark.root
def test_our_own_server_sees_us_through_a_nat(site, daemon, namespaces):
    """Two addresses of one namespace, and a NAT between them: what it tells
    is the public one, though we ask from the private one."""
    (place,) = namespaces("nat")
    for address in ("10.0.0.4", "10.0.0.1", PUBLIC, OTHER):
        place.ip("address", "add", f"{address}/32", "dev", "lo")
    server = daemon(address=OTHER, netns=place)
    nat = Nat(place.bound("10.0.0.1", 3478), place.bound(PUBLIC),
              server.address)
    config = daemons.base_config(site.folder, "10.0.0.4", 3478)
    config["relay"].update(advertise="auto", stun_servers=[nat.address])
    path = site.folder.write("nat.conf", daemons.render_file(config))
    try:
        done = subprocess.run(
            ["ip", "netns", "exec", place.name, BINARY, "-c", path,
             "--metadata-url", "http://10.0.0.1:1"], env=site.env,
            capture_output=True, text=True, timeout=daemons.START_S)
    finally:
        nat.close()
    assert done.returncode == 0, done.stderr
    assert site.found["address"] == PUBLIC
    assert site.found["source"] == "stun:10.0.0.1:3478"


# The program.

def test_nothing_found_names_remedies(site):
    done = site.run()
    assert done.returncode == 1
    for word in ("relay.advertise", "template", "relay.stun_servers"):
        assert word in done.stderr
    assert site.found is None


def test_what_was_found_before_stays(site):
    site.put(file_text())
    done = site.run()
    assert done.returncode == 1
    assert site.found["address"] == PUBLIC
    assert "stays as it was, by azure-metadata" in done.stderr


def test_levels_for_the_journal(site, metadata):
    """What is as before is of level info, which the unit keeps out."""
    service = metadata({INTERFACES: BY_METADATA})
    journal = {"JOURNAL_STREAM": "1:2"}
    first = site.run(url=service.url, env=journal).stderr
    second = site.run(url=service.url, env=journal).stderr
    assert f"<5>{site.file} is {PUBLIC}" in first
    assert f"<6>{site.file} is {PUBLIC}" in second
    assert "as before" in second
    assert all(line.startswith("<6>") for line in second.splitlines())
    failed = site.run(env=journal).stderr
    assert "<3>no public address" in failed


def test_print_writes_nothing(site, metadata):
    service = metadata({INTERFACES: BY_METADATA})
    done = site.run("--print", url=service.url, advertise="127.0.0.1")
    assert done.returncode == 0
    assert f"\naddress {PUBLIC}\n" in done.stdout
    assert site.found is None


def test_output_goes_elsewhere(site, metadata):
    service = metadata({INTERFACES: BY_METADATA})
    path = os.path.join(site.folder.path, "other")
    assert site.run("-o", path, url=service.url).returncode == 0
    assert os.path.exists(path)
    assert site.found is None


def test_nobody_is_asked_unless_wanted(site, metadata):
    service = metadata({INTERFACES: BY_METADATA})
    done = site.run(url=service.url, advertise=PUBLIC)
    assert done.returncode == 0
    assert "nothing to find" in done.stderr
    assert service.asked == []
    assert site.found is None


def test_a_public_relay_address_needs_no_question(site, metadata):
    """It need not even be an address of this machine to be told."""
    service = metadata({})
    config = daemons.base_config(site.folder, PUBLIC, daemons.free_port())
    config["relay"]["advertise"] = "auto"
    path = site.folder.write("public.conf", daemons.render_file(config))
    done = subprocess.run([BINARY, "-c", path, "--metadata-url", service.url],
                          env=site.env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert service.asked == []
    assert site.found["source"] == "relay.address"


def test_a_file_that_cannot_be_written(site, metadata):
    service = metadata({INTERFACES: BY_METADATA})
    done = site.run("-o", "/nonexistent/file", url=service.url)
    assert done.returncode == 1
    assert "cannot write /nonexistent/file: No such file" in done.stderr


def test_a_broken_configuration(site):
    path = site.folder.write("broken.conf", "realm = 5;\n")
    done = subprocess.run([BINARY, "-c", path], env=site.env,
                          capture_output=True, text=True)
    assert done.returncode == 78
    assert f"{path}:1: realm" in done.stderr


@pytest.mark.parametrize("arguments, status, said", [
    (["--version"], 0, "turnpike-address 0"),
    (["--help"], 0, "Usage: turnpike-address"),
    (["extra"], 64, "unexpected argument 'extra'"),
    (["--nonsense"], 64, "Try: turnpike-address --help"),
    (["--metadata-url", "https://127.0.0.1"], 64, "http://IPV4:PORT"),
    (["--metadata-url", "http://localhost"], 64, "http://IPV4:PORT"),
])
def test_arguments(arguments, status, said):
    done = subprocess.run([BINARY, *arguments], capture_output=True,
                          text=True, env=daemons.clean_environment())
    assert done.returncode == status
    assert said in done.stdout + done.stderr


@pytest.mark.root
def test_it_needs_no_privilege(site, metadata):
    service = metadata({INTERFACES: BY_METADATA})
    path = site.write_conf()
    copy = os.path.join(site.folder.path, "turnpike-address")
    subprocess.run(["cp", BINARY, copy], check=True)
    where = os.path.join(site.folder.state, "advertised")
    subprocess.run(
        ["setpriv", "--reuid", daemons.UNPRIVILEGED, "--regid", "nogroup",
         "--clear-groups", copy, "-c", path, "-o", where,
         "--metadata-url", service.url], env=site.env, check=True)
    assert os.path.exists(where)


# The server.

AUTO = {"address": OURS, "advertise": "auto", "ports": daemons.RELAY_PORTS}


def check(site, *, text=None, relay=AUTO):
    config = daemons.base_config(site.folder, OURS, daemons.free_port())
    config["relay"] = relay
    path = site.folder.write("check.conf", daemons.render_file(config))
    if text is not None:
        site.put(text)
    return subprocess.run([daemons.BINARY, "--check", "-c", path],
                          env=site.env, capture_output=True, text=True)


def test_check_says_what_would_be_used(site):
    done = check(site, text=file_text())
    assert done.returncode == 0, done.stderr
    assert f"# relay.advertise: {PUBLIC}, found by azure-metadata " \
        f"({site.file})" in done.stdout
    assert '\tadvertise = "auto";' in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("text, said", [
    (None, "is not there"),
    ("", "is not as turnpike-address writes it"),
    (file_text() + "more\n", "is not as turnpike-address writes it"),
    (file_text("10.0.0.4"), "names an address that is not a public one"),
])
def test_without_an_address_there_is_no_start(site, text, said):
    """... and the remedies are named; another start may succeed."""
    done = check(site, text=text)
    assert done.returncode == 0
    for word in (f"the file {site.file} {said}", "will not start",
                 "turnpike-address", "set relay.advertise", "template",
                 "relay.stun_servers"):
        assert word in done.stderr, done.stderr
    path = os.path.join(site.folder.path, "check.conf")
    done = subprocess.run([daemons.BINARY, "-c", path], env=site.env,
                          capture_output=True, text=True)
    assert done.returncode == 1
    log = done.stderr
    for word in ("no public address", said, "turnpike-address",
                 "relay.advertise", "template", "relay.stun_servers"):
        assert word in log, log


@pytest.fixture
def auto(site, daemon):
    """A server that has found its address."""
    site.put(file_text())
    return daemon(relay=AUTO, env={"RUNTIME_DIRECTORY": site.folder.path})


def test_clients_are_told_what_was_found(auto, client):
    server = auto
    assert relay(server)["advertise_source"] == "azure-metadata"
    server.await_log(f"ready.*advertise={PUBLIC}.*azure-metadata")
    assert client(server).allocate().relayed[0] == PUBLIC


def relay(server):
    """What the control API says of it."""
    return Control(server).get("/v1/server")["relay"]


CHANGED = "another relay address is advertised"
STAYS = "the advertised address stays as it was"


def test_a_change_applies_to_new_allocations(site, auto, client):
    """The former address goes on for who was told it, in the hairpin too."""
    first, second = client(auto), client(auto)
    assert first.allocate().relayed[0] == PUBLIC
    site.put(file_text(OTHER, "azure-load-balancer"))
    line = auto.await_log(CHANGED)
    assert PUBLIC in line and OTHER in line
    daemons.until(lambda: relay(auto)["advertise_source"]
                  == "azure-load-balancer")
    assert relay(auto)["advertise"] == OTHER
    assert second.allocate().relayed[0] == OTHER
    first.permit(OTHER)
    second.permit(PUBLIC)
    first.send(second.relayed, b"to the new form")
    peer, data = second.receive()
    assert (peer, data) == (first.relayed, b"to the new form")
    second.send(first.relayed, b"to the former form")
    peer, data = first.receive()
    assert (peer, data) == (second.relayed, b"to the former form")
    assert first.refresh().error is None


def test_the_program_and_the_server_together(site, auto, client, metadata):
    """What turnpike-address writes is what the server takes up."""
    service = metadata({INTERFACES: interfaces((OURS, OTHER))})
    assert site.run(url=service.url).returncode == 0
    auto.await_log(CHANGED)
    assert client(auto).allocate().relayed[0] == OTHER


def test_a_file_that_goes_changes_nothing(site, auto, client):
    os.unlink(site.file)
    line = auto.await_log(STAYS)
    assert "is not there" in line and site.file in line
    assert client(auto).allocate().relayed[0] == PUBLIC
    since = len(auto.log)
    site.put(file_text(OTHER))
    auto.await_log(CHANGED, since=since)
    assert client(auto).allocate().relayed[0] == OTHER


@pytest.mark.parametrize("text", [
    "", "garbage\n", file_text("10.1.2.3"), file_text("127.0.0.1"),
    file_text() * 2])
def test_a_file_that_is_broken_changes_nothing(site, auto, client, text):
    site.put(text)
    auto.await_log(STAYS)
    assert client(auto).allocate().relayed[0] == PUBLIC
    assert not auto.lines(CHANGED)


def test_a_reload_reads_it_too(site, auto, client):
    """... and one without an address keeps the last."""
    os.unlink(site.file)
    auto.await_log(STAYS)
    reload(auto)
    assert client(auto).allocate().relayed[0] == PUBLIC
    reload(auto, relay=dict(AUTO, advertise=OTHER))
    assert client(auto).allocate().relayed[0] == OTHER
    site.put(file_text(PUBLIC))
    reload(auto, relay=AUTO)
    assert client(auto).allocate().relayed[0] == PUBLIC
    since = len(auto.log)
    site.put(file_text(OTHER))
    auto.await_log(CHANGED, since=since)
