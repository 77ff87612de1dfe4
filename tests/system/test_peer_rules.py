"""Which peers a client may reach, by default and by configuration.

The server runs in a namespace whose default route leads nowhere, so whatever
it sent anywhere would be seen by the sniffer.
"""

import ipaddress
import os
import signal

import pytest

import stun
from daemon import ROOT, free_port, render_file, until
from sniffer import Sniffer
from turnclient import TurnClient

pytestmark = [pytest.mark.turnpike, pytest.mark.root]

OWN = "10.77.0.1"
OTHER_OWN = "20.202.3.3"  # public, and ours
PUBLIC = "20.202.1.1"  # what a client may reach by default
MAGIC = b"turnpike-test-magic"
ACS_LIST = os.path.join(ROOT, "etc", "acs.list")

# The abuse table of the security notes, one or more of each kind.
FORBIDDEN = {
    "S1": ["127.0.0.1", "127.0.0.53", "127.255.255.254", "0.0.0.0",
           "0.0.0.1", "0.255.255.255"],
    "S2": ["169.254.169.254", "169.254.0.1", "169.254.255.255"],
    "S3": ["168.63.129.16"],
    "S4": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255",
           "192.168.0.1", "192.168.255.255", "100.64.0.1",
           "100.127.255.255", "192.0.0.1", "192.0.0.8", "192.0.2.1",
           "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
           "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.175.48.1",
           "240.0.0.1", "255.255.255.254", "255.255.255.255"],
    "S5": ["224.0.0.1", "224.0.0.251", "232.1.2.3", "239.255.255.250"],
    "S8": [OTHER_OWN],
}
FORBIDDEN_LIST = [ip for group in FORBIDDEN.values() for ip in group]

# Just outside of the forbidden: over-blocking is a fault too.
PERMITTED = ["1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
             "100.128.0.0", "126.255.255.255", "128.0.0.1",
             "168.63.129.15", "168.63.129.17", "169.253.255.255",
             "169.255.0.1", "172.15.255.255", "172.32.0.1",
             "192.0.1.1", "192.0.3.1", "192.167.255.255", "192.169.0.1",
             "198.17.255.255", "198.20.0.1", "198.51.99.1",
             "198.51.101.1", "203.0.112.1", "203.0.114.1",
             "223.255.255.254", "8.8.8.8", PUBLIC]

# Every IPv6 spelling is another family than an IPv4 relay: 443, whatever it
# spells. The classifier itself has unit tests.
IPV6 = ["::", "::1", "::ffff:127.0.0.1", "::ffff:20.202.1.1", "::10.0.0.1",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:a00:1::",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
        "fe80::1", "fe80::5efe:127.0.0.1", "fec0::1", "fc00::1",
        "fd00::1", "ff02::1", "100::1", "2001:db8::1", "3fff::1",
        "5f00::1", "2606:4700::1111"]


@pytest.fixture
def world(namespaces, daemon):
    """world(**config): a namespace, a server with the default rules, an
    allocated client, a sniffer."""
    open_things = []

    def make(**config):
        ns, = namespaces("rules")
        ns.stub("stub0", OWN + "/24", OTHER_OWN + "/32", default=True)
        server = daemon(address=OWN, netns=ns,
                        **{"remove": ("peers",), **config})
        c = TurnClient((OWN, server.address[1]), sock=ns.bound(OWN))
        c.allocate()
        sniffer = Sniffer(ns, leaving=True)
        open_things.extend((c.sock, sniffer.sock))
        return ns, server, c, sniffer

    yield make
    for thing in open_things:
        thing.close()


def leaked(c, sniffer):
    """Packets with our payload that left the relay socket before a marker
    to a permitted peer."""
    c.permit(PUBLIC)
    c.send((PUBLIC, 7), MAGIC + b"marker")
    seen = sniffer.until(lambda p: p.dst == PUBLIC
                         and p.payload == MAGIC + b"marker")
    return [p for p in seen[:-1] if p.sport == c.relayed[1]
            or (p.protocol == 17 and p.src == OWN
                and p.payload.startswith(MAGIC) and p.sport
                not in (c.address[1], c.server[1]))]


def test_create_permission(world):
    _, _, c, _ = world()
    for ip in FORBIDDEN_LIST:
        assert c.permit(ip, expect="any").error == 403, ip


def test_channel_bind(world):
    _, _, c, _ = world()
    for ip in FORBIDDEN_LIST:
        answer = c.bind_channel(0x4000, (ip, 3478), expect="any")
        assert answer.error == 403, ip


def test_one_bad_among_good(world):
    """S9: the whole request is refused, and nothing is installed."""
    _, _, c, sniffer = world()
    for ip in FORBIDDEN_LIST:
        answer = c.permit("20.202.9.9", ip, "20.202.9.10", expect="any")
        assert answer.error == 403, ip
    for last in (9, 10):
        c.send((f"20.202.9.{last}", 7), MAGIC)
    assert leaked(c, sniffer) == []


def test_bad_one_in_any_place(world):
    """S9: ... wherever it stands, and whatever follows: nothing leaves, by
    Send or ChannelData, to the bad or the good."""
    _, _, c, sniffer = world()
    good = ["20.202.9.9", "20.202.9.10"]
    for number, ip in enumerate(FORBIDDEN_LIST):
        for place in range(3):
            peers = good[:place] + [ip] + good[place:]
            assert c.permit(*peers, expect="any").error == 403, peers
        channel = 0x4000 + number
        answer = c.request(stun.CHANNEL_BIND, [
            stun.channel_number(channel), stun.peer((ip, 7)),
            stun.peer((good[0], 7))])
        assert answer.error == 403, ip
        c.send_channel(channel, MAGIC)
        c.send((ip, 7), MAGIC, stun.peer((good[0], 7)))
        c.send((good[0], 7), MAGIC, stun.peer((ip, 7)))
    assert leaked(c, sniffer) == []


def test_good_first_is_no_way_for_the_bad(world):
    """Of several peers where one belongs the first counts, so that the
    second is never reached by what the first may."""
    _, _, c, sniffer = world()
    c.permit(PUBLIC)
    for number, ip in enumerate(FORBIDDEN_LIST[:30]):
        c.request(stun.CHANNEL_BIND, [
            stun.channel_number(0x4000 + number),
            stun.peer((PUBLIC, 100 + number)), stun.peer((ip, 7))])
        c.send_channel(0x4000 + number, MAGIC)
        c.send((PUBLIC, 100 + number), MAGIC, stun.peer((ip, 7)))
    assert {p.dst for p in leaked(c, sniffer)} == {PUBLIC}


def test_every_address_and_listener_of_ours(world):
    """S8: each interface's address at each listener's port, and at those
    where other services of this machine would be."""
    port = free_port()
    ns, server, c, sniffer = world(port=port, listen=[
        {"address": "0.0.0.0", "port": port},
        {"address": OWN, "port": 5349}])
    later = "20.202.46.46"
    ns.ip("address", "add", later + "/32", "dev", "stub0")
    until(lambda: c.permit(later, expect="any").error == 403)
    c.permit(OWN)
    for ip in (OWN, OTHER_OWN, later, "127.0.0.1"):
        for number in (port, 5349, 9641, 22, 53, 80, 6379):
            answer = c.bind_channel(0x4000, (ip, number), expect="any")
            assert answer.error == 403, (ip, number)
            c.send((ip, number), MAGIC)
            c.send_channel(0x4000, MAGIC)
    assert leaked(c, sniffer) == []


def test_send(world):
    """Silently dropped: no packet leaves, no answer comes."""
    _, _, c, sniffer = world()
    for ip in FORBIDDEN_LIST:
        c.send((ip, 7), MAGIC + ip.encode())
        c.send_channel(0x4000, MAGIC + ip.encode())
    assert leaked(c, sniffer) == []
    c.answered_only()


def test_every_ipv6_spelling(world):
    _, _, c, sniffer = world()
    for ip in IPV6:
        assert c.permit(ip, expect="any").error == 443, ip
        answer = c.bind_channel(0x4000, (ip, 7), expect="any")
        assert answer.error == 443, ip
        c.send((ip, 7), MAGIC + ip.encode())
    assert leaked(c, sniffer) == []


def test_neighbours_are_permitted(world):
    _, _, c, sniffer = world(limits={"permissions": 64})
    for ip in PERMITTED:
        assert c.permit(ip, expect="any").error is None, ip
        c.send((ip, 7), MAGIC)
        sniffer.until(lambda p, ip=ip: p.dst == ip and p.payload == MAGIC
                      and p.sport == c.relayed[1])


def test_own_sockets(world):
    """S8: the listener on the relay address. The permission, which names no
    port, is granted; nothing is sent."""
    _, server, c, sniffer = world()
    c.permit(OWN)
    c.bind_channel(0x4000, server.address, expect=403)
    c.bind_channel(0x4000, (OWN, 22), expect=403)
    c.send(server.address, MAGIC + stun.encode(stun.BINDING))
    c.send(server.address, stun.encode(stun.BINDING))
    c.send((OWN, 22), MAGIC)
    assert leaked(c, sniffer) == []


def test_own_addresses_follow_the_machine(world):
    """An address that becomes ours is refused from then on; one that is
    ours no longer can be a peer."""
    ns, _, c, _ = world()
    new = "20.202.44.44"
    c.permit(new)
    c.bind_channel(0x4000, (new, 7))
    ns.ip("address", "add", new + "/32", "dev", "stub0")
    until(lambda: c.permit(new, expect="any").error == 403)
    c.bind_channel(0x4000, (new, 7), expect=403)
    ns.ip("address", "del", new + "/32", "dev", "stub0")
    until(lambda: c.permit(new, expect="any").error is None)


def test_rules_hold_at_send_time(world):
    """A permission from before does not outlive a new rule."""
    ns, _, c, sniffer = world()
    new = "20.202.45.45"
    c.permit(new)
    c.bind_channel(0x4000, (new, 7))
    ns.ip("address", "add", new + "/32", "dev", "stub0")
    until(lambda: c.permit(new, expect="any").error == 403)
    c.send_channel(0x4000, MAGIC)
    c.send((new, 7), MAGIC)
    assert leaked(c, sniffer) == []


def test_rules_hold_after_a_reload(world, folder):
    """A living permission and channel stop at once where a new rule says
    so, and go on where it does not."""
    _, server, c, sniffer = world()
    stopped, left = "20.202.47.47", "20.202.48.48"
    for number, ip in ((0x4000, stopped), (0x4001, left)):
        c.permit(ip)
        c.bind_channel(number, (ip, 7))
    config = dict(server.config, peers={"deny": [stopped]})
    folder.write(os.path.basename(server.path), render_file(config))
    server.signal(signal.SIGHUP)
    until(lambda: c.permit(stopped, expect="any").error == 403)
    for number, ip in ((0x4000, stopped), (0x4001, left)):
        c.send_channel(number, MAGIC)
        c.send((ip, 7), MAGIC)
    assert {p.dst for p in leaked(c, sniffer)} == {left}
    c.bind_channel(0x4000, (stopped, 7), expect=403)


def test_allow_opens(world):
    """... what is closed by default, own addresses too."""
    _, _, c, sniffer = world(remove=(), peers={
        "allow": ["10.0.0.0/8", "192.168.7.7", OTHER_OWN]})
    for ip in ("10.1.2.3", "192.168.7.7", OTHER_OWN):
        c.permit(ip)
        c.bind_channel(0x4000 + int(ip.split(".")[0]), (ip, 7))
        c.send((ip, 7), MAGIC)
    c.permit("192.168.7.8", expect=403)
    c.permit("172.16.0.1", expect=403)
    assert {p.dst for p in leaked(c, sniffer)} == {
        "10.1.2.3", "192.168.7.7", OTHER_OWN}


def test_allow_never_opens_our_sockets(world):
    _, server, c, sniffer = world(remove=(), peers={
        "allow": ["0.0.0.0/0"]})
    c.permit(OWN)
    c.bind_channel(0x4000, server.address, expect=403)
    c.send(server.address, MAGIC + b"loop")
    c.send(server.address, stun.encode(stun.BINDING))
    assert leaked(c, sniffer) == []
    c.bind_channel(0x4001, (OWN, 5353))


def test_allow_never_opens_a_wildcard_listener(world):
    """The listener is on every address of ours."""
    port = 3478
    _, _, c, sniffer = world(
        remove=(), peers={"allow": ["0.0.0.0/0"]}, port=port,
        listen=[{"address": "0.0.0.0", "port": port}])
    for ip in (OWN, OTHER_OWN, "127.0.0.1"):
        c.bind_channel(0x4000, (ip, port), expect=403)
        c.send((ip, port), MAGIC)
    c.bind_channel(0x4000, (OTHER_OWN, 7))
    assert leaked(c, sniffer) == []


def test_deny(world):
    _, _, c, _ = world(remove=(), peers={
        "deny": ["20.202.0.0/16", "8.8.8.8"], "allow": ["20.202.1.0/24"]})
    c.permit("20.202.2.1", expect=403)
    c.permit("8.8.8.8", expect=403)
    c.permit("8.8.8.9")
    c.permit(PUBLIC)
    c.permit("10.0.0.1", expect=403)


def test_ports(world):
    """A rule about some ports closes and opens those alone."""
    _, _, c, sniffer = world(remove=(), peers={
        "deny": ["20.202.2.0/24 ports 3478-3481"],
        "allow": ["10.9.9.1-10.9.9.9 port 443"]})
    c.permit("20.202.2.1")
    c.permit("10.9.9.9")
    c.permit("10.9.9.10", expect=403)
    c.bind_channel(0x4000, ("20.202.2.1", 3478), expect=403)
    c.bind_channel(0x4000, ("20.202.2.1", 3482))
    c.bind_channel(0x4001, ("10.9.9.9", 442), expect=403)
    c.bind_channel(0x4001, ("10.9.9.9", 443))
    for port in (3477, 3478, 3481, 3482, 3478, 3477):
        c.send(("20.202.2.1", port), MAGIC)
    c.send(("10.9.9.9", 443), MAGIC)
    c.send(("10.9.9.9", 444), MAGIC)
    assert {(p.dst, p.dport) for p in leaked(c, sniffer)} == {
        ("10.9.9.9", 443), ("20.202.2.1", 3477), ("20.202.2.1", 3482)}


def test_preset_acs(world):
    """What Azure Communication Services relay through, each other, and
    nothing else."""
    ns, server, a, sniffer = world(remove=(), peers={
        "preset": "acs", "acs_file": ACS_LIST})
    a.permit("20.202.0.1", "20.202.255.254")
    for ip in ("8.8.8.8", "20.201.255.255", "20.203.0.0", "52.127.88.1",
               "10.0.0.1", OTHER_OWN):
        assert a.permit(ip, expect="any").error == 403, ip
        answer = a.bind_channel(0x4000, (ip, 3478), expect="any")
        assert answer.error == 403, ip
        a.send((ip, 3478), MAGIC)
    assert leaked(a, sniffer) == []
    with TurnClient((OWN, server.address[1]), sock=ns.bound(OWN)) as b:
        b.allocate()
        a.permit(b.relayed)
        b.permit(a.relayed)
        a.send(b.relayed, MAGIC)
        assert b.receive() == (a.relayed, MAGIC)


def test_preset_acs_of_the_other_cloud(world):
    _, _, c, _ = world(remove=(), peers={
        "preset": "acs", "acs_file": ACS_LIST, "acs_clouds": "gcc-high",
        "allow": ["8.8.8.8"], "deny": ["52.127.88.0/24"]})
    c.permit("52.127.89.1", "8.8.8.8")
    c.permit("20.202.0.1", expect=403)
    c.permit("52.127.88.1", expect=403)


def test_preset_lan(world):
    _, _, c, sniffer = world(remove=(), peers={"preset": "lan"})
    for ip in ("10.0.0.1", "172.31.0.1", "192.168.7.7", PUBLIC):
        c.permit(ip)
    for ip in ("127.0.0.1", "169.254.169.254", "168.63.129.16",
               "100.64.0.1", "224.0.0.1", OTHER_OWN):
        c.permit(ip, expect=403)
    c.send(("192.168.7.7", 7), MAGIC)
    assert [p.dst for p in leaked(c, sniffer)] == ["192.168.7.7"]


def test_realms_of_their_own(world):
    """The second realm has lists and a preset of its own; those outside
    of it are for both."""
    port = free_port()
    ns, _, first, _ = world(
        remove=(), port=port,
        listen=[{"address": OWN, "port": port},
                {"address": OWN, "port": port + 1, "realm": "lan.example"}],
        users=[{"name": "alice", "password": "secret"},
               {"name": "alice", "password": "secret",
                "realm": "lan.example"}],
        peers={"deny": ["20.202.7.0/24"]},
        realms=[{"name": "lan.example", "preset": "lan",
                 "allow": ["127.9.9.9"], "deny": ["8.8.8.8"]}])
    with TurnClient((OWN, port + 1), sock=ns.bound(OWN)) as second:
        second.allocate()
        for ip, in_first, in_second in (
                ("20.202.7.7", 403, 403), ("8.8.8.8", None, 403),
                ("127.9.9.9", 403, None), ("192.168.7.7", 403, None),
                (PUBLIC, None, None)):
            assert first.permit(ip, expect="any").error == in_first, ip
            assert second.permit(ip, expect="any").error == in_second, ip


def test_dry_run(world):
    """What rules would refuse is let through and told, once; what is closed
    besides stays closed."""
    _, server, c, sniffer = world(remove=(), peers={
        "dry_run": "on", "deny": ["20.202.2.0/24", "8.8.8.8 port 53"]})
    server.await_log("dry run", 20)  # the warning
    since = len(server.log)
    c.permit("20.202.2.1")
    c.permit("20.202.2.2")
    c.bind_channel(0x4000, ("20.202.2.1", 7))
    c.send_channel(0x4000, MAGIC)
    c.permit("127.0.0.1", expect=403)
    c.permit(OTHER_OWN, expect=403)
    c.bind_channel(0x4001, (OWN, server.address[1]), expect=403)
    line = server.await_log("dry run: peer would be refused", 20, since)
    assert "peer=20.202.2.1" in line and "user=alice" in line
    assert 'rule="deny 20.202.2.0/24"' in line
    # Of a port the permission says nothing: the packet is told.
    c.permit("8.8.8.8")
    c.send(("8.8.8.8", 53), MAGIC)
    line = server.await_log("peer=8.8.8.8:53", 20, since)
    assert 'rule="deny 8.8.8.8 port 53"' in line
    assert {p.dst for p in leaked(c, sniffer)} == {"20.202.2.1", "8.8.8.8"}
    server.stop()
    assert len(server.lines("dry run: peer would be", since)) == 2


def test_table_against_the_standard_library():
    """The table above is not wrong itself: Python knows the registry, but
    for what is named here."""
    beyond = {"168.63.129.16", "192.31.196.1", "192.52.193.1",
              "192.88.99.1", "192.175.48.1", OTHER_OWN}
    for ip in FORBIDDEN_LIST:
        if ip not in beyond:
            assert not ipaddress.ip_address(ip).is_global \
                or ipaddress.ip_address(ip).is_multicast, ip
    for ip in PERMITTED:
        assert ipaddress.ip_address(ip).is_global, ip
