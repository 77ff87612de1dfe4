"""A relay is no port scanner: the abuse tests of group Q, beside
test_rates.py, which holds how many peers there may be and how fast."""

import pytest

from turnclient import TurnClient

pytestmark = [pytest.mark.turnpike, pytest.mark.root]

OWN = "20.202.0.1"
NEAR = "20.202.0.9"
ROUTES = {"unreachable": "20.203.0.1", "prohibit": "20.203.0.2",
          "blackhole": "20.203.0.3"}


def test_open_closed_and_filtered_look_alike(namespaces, daemon):
    """Whether somebody is there, an ICMP error comes, the network refuses
    the packet or nothing happens at all: the same answers, and no other."""
    ns, = namespaces("scan")
    ns.stub("stub0", OWN + "/16", default=True)
    ns.ip("address", "add", NEAR + "/32", "dev", "lo")
    for kind, ip in ROUTES.items():
        ns.ip("route", "add", kind, ip)
    server = daemon(address=OWN, netns=ns, workers=1,
                    peers={"allow": [NEAR]})
    with ns.bound(NEAR) as door, \
            TurnClient(server.address, sock=ns.bound(OWN)) as c:
        c.allocate()
        peers = [door.getsockname(), (NEAR, 9), ("20.202.0.77", 9)] + [
            (ip, 9) for ip in ROUTES.values()]
        seen = set()
        for number, peer in enumerate(peers):
            answers = [c.permit(peer), c.bind_channel(0x4000 + number, peer)]
            # Twice: the first may bring an error that the second one meets.
            for _ in range(2):
                c.send(peer, b"open?")
                c.send_channel(0x4000 + number, b"open?")
                c.answered_only()
            answers += [c.permit(peer), c.refresh()]
            seen.add(tuple((a.method, a.cls, a.error, len(a.raw))
                           for a in answers))
        assert len(seen) == 1, seen
        # The one that is there had all of it.
        door.settimeout(1)
        assert [door.recv(100) for _ in range(4)] == [b"open?"] * 4
        # And what is there may speak; nobody else was made to.
        door.sendto(b"yes", (OWN, c.relayed[1]))
        assert c.receive() == (0x4000, b"yes")
