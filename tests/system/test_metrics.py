"""Metrics: what a scrape of the real daemon says, live, in both formats."""

import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import time

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics)
from prometheus_client.parser import (
    text_string_to_metric_families as parse_text)

import control
import redis
import stun
from daemon import until
from test_reload import reload
from test_reload_scale import Crowd, Member

pytestmark = pytest.mark.turnpike

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
CHANNEL = 0x4000
TIMES = int(os.environ.get("TURNPIKE_ABUSE", "1"))
SCRAPE_MS = 50


def promtool():
    found = shutil.which("promtool", path=f"{ROOT}/build/tools/bin") or \
        shutil.which("promtool")
    if not found:
        pytest.skip("no promtool (./bootstrap check)")
    return found


class Scrape(dict):
    """Samples by name and labels: s["name", "label", "value", ...]."""

    def __init__(self, families):
        super().__init__()
        for family in families:
            for sample in family.samples:
                key = sum(sorted(sample.labels.items()), (sample.name,))
                assert key not in self, key
                self[key] = sample.value

    def of(self, name, **labels):
        return self[sum(sorted(labels.items()), (name,))]

    def names(self):
        return {key[0] for key in self}


class Metrics:
    """The metrics of a server, which are open to anybody."""

    def __init__(self, server):
        self.api = control.Control(server, tcp=True)

    def text(self, accept=None):
        answer = self.api.ask("GET", "/metrics",
                              headers={"Accept": accept} if accept else {})
        assert answer.status == 200, answer.body
        self.type = answer.headers["Content-Type"]
        return answer.body.decode()

    def scrape(self):
        return Scrape(parse_text(self.text()))

    def openmetrics(self):
        return Scrape(parse_openmetrics(self.text(OPENMETRICS)))


@pytest.fixture
def start(daemon):
    def make(**changes):
        http = f"127.0.0.1:{control.free_tcp_port()}"
        config = dict({"socket": "", "http": http},
                      **changes.pop("control", {}))
        server = daemon(control=config, **changes)
        return server, Metrics(server)
    return make


def session(client, server, peer, packets, size):
    """A session that has sent and got so many packets; still there."""
    c = client(server)
    c.allocate()
    c.bind_channel(CHANNEL, peer.address)
    for _ in range(packets):
        c.send_channel(CHANNEL, bytes(size))
        data, source = peer.receive()
        assert len(data) == size
        peer.send(source, data)
        assert c.receive() == (CHANNEL, data)
    return c


# --- the formats ---


def test_promtool_finds_nothing_to_say(start, client, peer):
    server, metrics = start()
    session(client, server, peer(), 1, 10)
    text = metrics.text()
    assert metrics.type == "text/plain; version=0.0.4; charset=utf-8"
    done = subprocess.run([promtool(), "check", "metrics"], input=text,
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_openmetrics_says_the_same(start, client, peer):
    server, metrics = start()
    session(client, server, peer(), 3, 10)
    one, two = metrics.scrape(), metrics.openmetrics()
    assert metrics.type == OPENMETRICS + "; charset=utf-8"
    assert metrics.text(OPENMETRICS).endswith("\n# EOF\n")
    assert set(one) == set(two)
    moving = re.compile("process_|turnpike_(worker_passes|pass_)")
    for key, value in one.items():
        assert moving.match(key[0]) or two[key] == value, key


def test_a_realm_may_have_any_name(start, client, peer):
    realm = 'we"ird\\realm ü'
    server, metrics = start(realm=realm)
    session(client, server, peer(), 2, 10)
    for seen in metrics.scrape(), metrics.openmetrics():
        assert seen.of("turnpike_realm_allocations", realm=realm) == 1
        assert seen.of("turnpike_relayed_packets_total", realm=realm,
                       direction="to_peer") == 2


def test_names_are_those_of_program_and_documents():
    """make lint does this, too, but may have no promtool."""
    promtool()
    done = subprocess.run([ROOT / "tests/lint/metrics", "--promtool"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_scraped_is_documented(start):
    _, metrics = start(redis={"endpoints": ["127.0.0.1:1"]})
    documented = set(re.findall(
        r"^\| `((?:turnpike|process)_\w+)`",
        (ROOT / "doc/metrics.md").read_text(), re.M))
    seen = {re.sub(r"_(bucket|sum|count)$", "", name)
            for name in metrics.scrape().names()}
    # Not told where no realm has a limit, or the kernel does not say.
    silent = {"turnpike_realm_allocations_limit", "process_open_fds"}
    assert seen - silent == documented - silent


# --- what is counted ---


def test_a_session_is_seen_while_it_lives(start, client, peer):
    server, metrics = start()
    p = peer()
    before = metrics.scrape()
    assert before.of("turnpike_allocations") == 0
    assert before.of("turnpike_ready") == 1
    c = session(client, server, p, 25, 100)
    seen = metrics.scrape()
    assert seen.of("turnpike_allocations") == 1
    assert seen.of("turnpike_allocations_begun_total") == 1
    assert seen.of("turnpike_realm_allocations", realm=server.realm) == 1
    assert seen.of("turnpike_permissions") == 1
    assert seen.of("turnpike_channels") == 1
    assert seen.of("turnpike_flows") == 2
    assert seen.of("turnpike_relay_ports_used") == 1
    for direction in "to_peer", "to_client":
        labels = {"realm": server.realm, "direction": direction}
        assert seen.of("turnpike_relayed_packets_total", **labels) == 25
        assert seen.of("turnpike_relayed_bytes_total", **labels) == 2500
    assert sum(seen.of("turnpike_worker_relayed_packets_total", worker=w)
               for w in "01") == 50
    assert seen.of("turnpike_requests_total", method="allocate") == 2
    assert seen.of("turnpike_requests_total", method="channel_bind") == 1
    assert seen.of("turnpike_responses_total", method="allocate") == 2
    assert seen.of("turnpike_error_responses_total", method="allocate",
                   code="401") == 1
    assert seen.of("turnpike_authentications_total", source="config",
                   result="ok") == 2
    assert seen.of("turnpike_authentications_total", source="unknown",
                   result="challenge") == 1
    assert seen.of("turnpike_credential_lookups_total") == 1
    assert seen.of("turnpike_authentication_duration_seconds_count") == 2
    assert 0 < seen.of("turnpike_authentication_duration_seconds_sum") < 5
    assert seen.of("turnpike_pass_duration_seconds_count") > 25
    c.refresh(0)
    seen = metrics.scrape()
    assert seen.of("turnpike_allocations") == 0
    assert seen.of("turnpike_permissions") == 0
    assert seen.of("turnpike_channels") == 0
    assert seen.of("turnpike_relay_ports_used") == 0
    assert seen.of("turnpike_allocations_ended_total",
                   cause="refresh-0") == 1


def test_what_is_refused_and_dropped(start, client, peer):
    server, metrics = start(limits={"allocations_per_user": 1})
    p = peer()
    first = client(server)
    first.allocate()
    client(server).allocate(expect=486)
    client(server, password="wrong").allocate(expect=401)
    client(server, user="nobody").allocate(expect=401)
    first.permit(("10.1.2.3", 0), expect=403)
    for _ in range(7):
        first.send(p.address, b"no permission")
    first.raw(b"\xff" * 30)
    first.answered_only()
    seen = metrics.scrape()
    assert seen.of("turnpike_error_responses_total", method="allocate",
                   code="486") == 1
    assert seen.of("turnpike_error_responses_total",
                   method="create_permission", code="403") == 1
    assert seen.of("turnpike_authentications_total", source="config",
                   result="wrong_password") == 1
    assert seen.of("turnpike_authentications_total", source="unknown",
                   result="unknown_user") == 1
    for reason in "user quota", "wrong password", "unknown user", \
            "peer denied":
        assert seen.of("turnpike_refusals_total", reason=reason) == 1
    assert seen.of("turnpike_dropped_packets_total",
                   reason="no_permission") == 7
    assert seen.of("turnpike_dropped_packets_total", reason="not_stun") == 1
    # Failures with a nonce of ours count as answered, the challenges not.
    assert seen.of("turnpike_authentication_duration_seconds_count") == 5


def test_two_clients_of_one_server(start, client):
    server, metrics = start()
    one, two = client(server), client(server)
    one.allocate()
    two.allocate()
    one.bind_channel(CHANNEL, two.relayed)
    two.bind_channel(CHANNEL, one.relayed)
    for _ in range(5):
        one.send_channel(CHANNEL, b"hello")
        assert two.receive() == (CHANNEL, b"hello")
    assert metrics.scrape().of("turnpike_hairpin_packets_total") == 5


def test_a_full_socket_is_seen(start):
    """The workers are stopped, as a machine without CPU does it."""
    server, metrics = start()
    lost = "turnpike_kernel_dropped_packets_total"
    where = {"transport": "udp",
             "listener": "%s:%d" % server.address}
    until(lambda: metrics.scrape().of("turnpike_listener_queue_limit_bytes",
                                      **where) > 0)
    assert metrics.scrape().of(lost) == 0
    server.signal(signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
        for _ in range(60000):
            flood.sendto(bytes(1400), server.address)
    server.signal(signal.SIGCONT)
    until(lambda: metrics.scrape().of(lost) > 0)
    dropped = metrics.scrape()
    assert dropped.of("turnpike_listener_queue_bytes", **where) >= 0
    assert dropped.of(lost) < 60000


def test_the_process(start):
    server, metrics = start()
    seen = metrics.scrape()
    assert abs(seen.of("process_resident_memory_bytes") / 1024 -
               server.rss_kb()) < 2048
    assert abs(seen.of("process_start_time_seconds") - time.time()) < 600
    if ("process_open_fds",) in seen:
        # The connection of the scrape is one of them.
        open_now = len(os.listdir(f"/proc/{server.pid}/fd"))
        assert 0 <= seen.of("process_open_fds") - open_now <= 1
    assert seen.of("turnpike_workers") == 2
    again = metrics.scrape()
    assert again.of("process_start_time_seconds") == \
        seen.of("process_start_time_seconds")
    assert again.of("process_cpu_seconds_total") > \
        seen.of("process_cpu_seconds_total")


def test_redis_away(start):
    _, metrics = start(redis={"endpoints": ["127.0.0.1:1"]})
    seen = metrics.scrape()
    assert seen.of("turnpike_redis_up") == 0
    assert seen.of("turnpike_redis_connects_total") == 0


@pytest.mark.skipif(not redis.find_server(),
                    reason="no redis-server (./bootstrap check)")
def test_users_of_redis(start, client):
    store = redis.Server()
    try:
        store.client()("SET", "turn/realm/example.org/user/rita/key",
                       stun.key_md5("rita", "example.org", "secret").hex())
        server, metrics = start(redis={"endpoints": [store.endpoint]})
        until(lambda: metrics.scrape().of("turnpike_redis_up") == 1)
        for _ in range(2):
            client(server, user="rita").allocate()
        seen = metrics.scrape()
        assert seen.of("turnpike_authentications_total", source="redis",
                       result="ok") == 2
        assert seen.of("turnpike_redis_questions_total") >= 1
        assert sum(seen.of("turnpike_redis_cache_lookups_total", result=r)
                   for r in ("hit", "miss")) == 2
        # By way of Redis an answer takes its time, which is measured.
        assert seen.of(
            "turnpike_authentication_duration_seconds_count") == 2
    finally:
        store.remove()


# --- options ---


def test_coturns_names_come_and_go_with_a_reload(start, client, peer):
    server, metrics = start()
    session(client, server, peer(), 4, 50)
    coturns = re.compile("^(turn|stun)_", re.M)
    assert not coturns.search(metrics.text())
    settings = server.config["control"]
    reload(server, control=dict(settings, coturn_metrics="on"))
    # As lines: the parser gives counters the ending that coturn's have not.
    lines = metrics.text().splitlines()
    assert 'turn_total_allocations{type="UDP"} 1' in lines
    for name in "rcvp", "sentp", "peer_rcvp", "peer_sentp":
        assert f'turn_traffic_{name}{{realm="{server.realm}"}} 4' in lines
        assert f"turn_total_traffic_{name} 4" in lines
    for name in "rcvb", "sentb", "peer_rcvb", "peer_sentb":
        assert f'turn_traffic_{name}{{realm="{server.realm}"}} 200' in lines
    assert not coturns.search(metrics.text(OPENMETRICS))
    reload(server, control=settings)
    assert not coturns.search(metrics.text())


def test_what_waits_for_a_restart_is_told(start):
    server, metrics = start()
    assert metrics.scrape().of("turnpike_restart_pending") == 0
    reload(server, workers=1)
    assert metrics.scrape().of("turnpike_restart_pending") == 1
    reload(server, workers=2)
    assert metrics.scrape().of("turnpike_restart_pending") == 0


def test_a_drain_is_told(start):
    server, metrics = start()
    api = control.Control(server, control.read_token(server), tcp=True)
    assert api.ask("POST", "/v1/drain", {}).status == 202
    seen = metrics.scrape()
    assert seen.of("turnpike_draining") == 1
    assert seen.of("turnpike_ready") == 0
    assert api.ask("DELETE", "/v1/drain").status == 204
    seen = metrics.scrape()
    assert seen.of("turnpike_draining") == 0
    assert seen.of("turnpike_ready") == 1


def test_who_asks_and_does_not_read_holds_nobody_up(start, client, peer):
    server, metrics = start()
    host, _, port = server.config["control"]["http"].rpartition(":")
    idle = []
    for _ in range(20):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        s.connect((host, int(port)))
        s.sendall(f"GET /metrics HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
                  .encode() * 5)
        idle.append(s)
    try:
        session(client, server, peer(), 50, 100)
        assert metrics.scrape().of(
            "turnpike_relayed_packets_total", realm=server.realm,
            direction="to_client") == 50
    finally:
        for s in idle:
            s.close()


# --- many sessions ---


def test_a_scrape_of_many_sessions_is_quick(start):
    """1,000, or 10,000 with TURNPIKE_ABUSE=10."""
    count = 1000 * TIMES
    server, metrics = start(
        relay={"address": "127.0.0.2", "ports": [20000, 50000]},
        limits={"allocations": count + 100})
    few = metrics.text()
    crowd = Crowd()
    try:
        for i in range(count):
            Member(crowd, i, server).allocate()
        took = []
        for _ in range(20):
            began = time.monotonic()
            many = metrics.text()
            took.append((time.monotonic() - began) * 1000)
    finally:
        crowd.sock.close()
    assert Scrape(parse_text(many)).of("turnpike_allocations") == count
    assert len(many.splitlines()) == len(few.splitlines())
    print(f"{count} allocations: a scrape of {len(many)} bytes takes "
          f"{statistics.median(took):.1f} ms, at most {max(took):.1f}")
    assert statistics.median(took) < SCRAPE_MS
