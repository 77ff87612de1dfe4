"""CreatePermission and ChannelBind (RFC 8656 sections 9, 10, 12)."""

import pytest

import stun


@pytest.fixture
def allocated(daemon, client):
    c = client(daemon())
    c.allocate()
    return c


def relays(c, p, data=b"through"):
    """Assert that c reaches p and p reaches c, without a channel."""
    c.send(p.address, data)
    assert p.receive() == (data, c.relayed)
    p.send(c.relayed, data)
    assert c.receive() == (p.address, data)


def relays_not(c, p, marker):
    """Assert that neither reaches the other; `marker` is a permitted peer."""
    c.send(p.address, b"not permitted")
    p.send(c.relayed, b"not permitted")
    relays(c, marker, b"marker")
    p.silence(0.05)


def test_without_permission_nothing_passes(allocated, peer):
    p, marker = peer(), peer(("127.0.0.2", 0))
    allocated.permit("127.0.0.2")
    relays_not(allocated, p, marker)


def test_permission_is_for_the_address_not_the_port(allocated, peer):
    a, b, c = peer(), peer(), peer(("127.0.0.2", 0))
    allocated.permit((a.address[0], 1))
    relays(allocated, a)
    relays(allocated, b)
    relays_not(allocated, c, a)


def test_many_peers_in_one_request(allocated, peer):
    """uclient sends up to 11."""
    peers = [peer((f"127.0.0.{n}", 0)) for n in range(2, 13)]
    allocated.permit(*[p.address for p in peers])
    for p in peers:
        relays(allocated, p)


@pytest.mark.turnpike
@pytest.mark.parametrize("bad,code", [("10.0.0.1", 403), ("::1", 443)])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_peer_refuses_all(allocated, peer, bad, code, place):
    p, marker = peer(), peer(("127.0.0.9", 0))
    allocated.permit("127.0.0.9")
    peers = ["127.0.0.1", "127.0.0.2"]
    peers.insert(place, bad)
    allocated.permit(*peers, expect=code)
    relays_not(allocated, p, marker)


@pytest.mark.turnpike
def test_family_comes_before_the_rules(allocated):
    """::1 and a v4-mapped forbidden address: 443, not 403."""
    for ip in ("::1", "::ffff:10.0.0.1", "2001:db8::1", "fe80::1"):
        allocated.permit(ip, expect=443)
        allocated.permit("10.0.0.1", ip, expect=443)
        allocated.permit(ip, "10.0.0.1", expect=443)
        allocated.bind_channel(0x4000, (ip, 9), expect=443)


def test_no_peer_is_400(allocated):
    allocated.request(stun.CREATE_PERMISSION, [], expect=400)


@pytest.mark.turnpike
@pytest.mark.parametrize("value", [
    b"", b"\0\1", b"\0\1\x12\x34\1\2\3", b"\0\1\x12\x34" + bytes(8),
    b"\0\2\x12\x34" + bytes(4), b"\0\3\x12\x34" + bytes(4),
    b"\0\2\x12\x34" + bytes(15)])
def test_malformed_peers_are_400(allocated, peer, value):
    good = stun.peer(("127.0.0.1", 0))
    bad = stun.XOR_PEER_ADDRESS, value
    marker = peer(("127.0.0.9", 0))
    allocated.permit("127.0.0.9")
    for attrs in ([bad], [good, bad], [bad, good]):
        allocated.request(stun.CREATE_PERMISSION, attrs, expect=400)
    allocated.request(stun.CHANNEL_BIND,
                      [stun.channel_number(0x4000), bad], expect=400)
    relays_not(allocated, peer(), marker)


@pytest.mark.turnpike
def test_reserved_byte_of_an_address_is_ignored(allocated):
    """RFC 8489 14.1: the first eight bits must be ignored by receivers."""
    tid = stun.new_id()
    value = b"\x55" + stun.xor_address(("127.0.0.1", 0), tid)[1:]
    allocated.request(stun.CREATE_PERMISSION,
                      [(stun.XOR_PEER_ADDRESS, value)], tid=tid,
                      expect=None)


def test_repeating_is_harmless(allocated, peer):
    p = peer()
    request = allocated.build(stun.CREATE_PERMISSION,
                              [stun.peer(p.address)])
    for _ in range(3):
        assert allocated.exchange(request).error is None
    relays(allocated, p)


def test_channel_alone_is_a_permission(allocated, peer):
    """aioice and werift send ChannelBind only, never CreatePermission."""
    p, other = peer(), peer()
    allocated.bind_channel(0x4000, p.address)
    allocated.send(p.address, b"by indication")
    assert p.receive()[0] == b"by indication"
    relays(allocated, other)


@pytest.mark.turnpike
@pytest.mark.parametrize("number,code", [
    (0x4000, None), (0x4FFF, None), (0x3FFF, 400), (0x5000, 400),
    (0x7FFF, 400), (0xFFFF, 400), (0, 400)])
def test_channel_numbers(allocated, peer, number, code):
    """RFC 8656 section 12 ends the range at 0x4FFF."""
    allocated.bind_channel(number, peer().address, expect=code)


@pytest.mark.turnpike
def test_bad_channel_installs_no_permission(allocated, peer):
    p, marker = peer(), peer(("127.0.0.9", 0))
    allocated.permit("127.0.0.9")
    allocated.bind_channel(0x5000, p.address, expect=400)
    relays_not(allocated, p, marker)


def test_incomplete_channel_bind_is_400(allocated):
    number = stun.channel_number(0x4000)
    for attrs in ([], [number], [stun.peer(("127.0.0.1", 9))]):
        allocated.request(stun.CHANNEL_BIND, attrs, expect=400)


@pytest.mark.turnpike
def test_short_channel_number_is_400(allocated):
    allocated.request(stun.CHANNEL_BIND, [
        (stun.CHANNEL_NUMBER, b"\x40\0"), stun.peer(("127.0.0.1", 9))],
        expect=400)


def test_rebinding(allocated, peer):
    a, b = peer(), peer()
    allocated.bind_channel(0x4001, a.address)
    allocated.bind_channel(0x4001, a.address)
    allocated.bind_channel(0x4001, b.address, expect=400)
    allocated.bind_channel(0x4002, a.address, expect=400)
    allocated.bind_channel(0x4002, b.address)
    for number, p in ((0x4001, a), (0x4002, b)):
        allocated.send_channel(number, b"to its own")
        assert p.receive()[0] == b"to its own"


def test_channels_belong_to_an_allocation(daemon, client, peer):
    server = daemon()
    one, two, a, b = client(server), client(server), peer(), peer()
    one.allocate()
    two.allocate()
    one.bind_channel(0x4000, a.address)
    two.bind_channel(0x4000, b.address)
    one.send_channel(0x4000, b"one")
    two.send_channel(0x4000, b"two")
    assert a.receive() == (b"one", one.relayed)
    assert b.receive() == (b"two", two.relayed)


def test_unbound_channel_is_dropped(allocated, peer):
    p = peer()
    allocated.bind_channel(0x4000, p.address)
    allocated.send_channel(0x4001, b"unbound")
    allocated.send_channel(0x4000, b"marker")
    assert p.receive()[0] == b"marker"


@pytest.mark.turnpike
def test_permissions_per_allocation(allocated, peer):
    """32 of them; one more is 508, and a request that does not fit whole
    installs nothing."""
    allocated.permit(*[f"127.0.1.{n}" for n in range(1, 32)])
    marker, p = peer(("127.0.1.1", 0)), peer(("127.0.2.1", 0))
    allocated.permit("127.0.2.1", "127.0.2.2", expect=508)
    relays_not(allocated, p, marker)
    allocated.permit("127.0.2.1")
    allocated.permit("127.0.2.2", expect=508)
    allocated.permit("127.0.1.5")
    relays(allocated, p)


@pytest.mark.turnpike
def test_channels_per_allocation(allocated, peer):
    for n in range(32):
        allocated.bind_channel(0x4000 + n, ("127.0.0.1", 1000 + n))
    allocated.bind_channel(0x4100, ("127.0.0.1", 2000), expect=508)
    allocated.bind_channel(0x4000, ("127.0.0.1", 1000))


@pytest.mark.turnpike
def test_peer_port_zero(allocated, peer):
    """No packet can go to port 0; a permission ignores the port."""
    marker = peer()
    allocated.permit(("127.0.0.1", 0))
    allocated.bind_channel(0x4000, ("127.0.0.1", 0), expect=403)
    allocated.send(("127.0.0.1", 0), b"nowhere")
    relays(allocated, marker)
