"""Data in both directions (RFC 8656 sections 11 and 12)."""

import os

import pytest

import stun

SIZES = [1, 2, 3, 4, 5, 15, 16, 17, 100, 159, 160, 161, 1199, 1200, 1201,
         1372, 1373, 1463, 1464, 1465, 1472, 1473]
MORE_SIZES = [0, 8192, 16383, 32768, 65000]
sizes = pytest.mark.parametrize("sizes", [
    SIZES, pytest.param(MORE_SIZES, marks=pytest.mark.turnpike)],
    ids=["usual", "extreme"])


@pytest.fixture
def pair(daemon, client, peer):
    c, p = client(daemon()), peer()
    c.allocate()
    c.permit("127.0.0.1")
    return c, p


@sizes
def test_send_and_data(pair, sizes):
    """Every size arrives once, whole and in order; zero bytes too."""
    c, p = pair
    for size in sizes:
        data = os.urandom(size)
        c.send(p.address, data)
        assert p.receive() == (data, c.relayed), size
        p.send(c.relayed, data)
        assert c.receive() == (p.address, data), size


@sizes
def test_channel_data(pair, sizes):
    c, p = pair
    c.bind_channel(0x4ABC, p.address)
    for size in sizes:
        data = os.urandom(size)
        c.send_channel(0x4ABC, data)
        assert p.receive() == (data, c.relayed), size
        p.send(c.relayed, data)
        assert c.receive() == (0x4ABC, data), size


def test_channel_is_used_once_bound(pair, peer):
    """RFC 8656 12.5: the server MUST; other peers stay with indications."""
    c, p = pair
    other = peer()
    p.send(c.relayed, b"before")
    assert c.receive() == (p.address, b"before")
    c.bind_channel(0x4000, p.address)
    p.send(c.relayed, b"after")
    other.send(c.relayed, b"other")
    assert c.receive() == (0x4000, b"after")
    assert c.receive() == (other.address, b"other")
    c.send(p.address, b"indications still work")
    assert p.receive()[0] == b"indications still work"


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_padding_of_channel_data_is_not_data(pair, padding):
    c, p = pair
    c.bind_channel(0x4000, p.address)
    c.send_channel(0x4000, b"12345", padding)
    assert p.receive()[0] == b"12345"


@pytest.mark.turnpike
def test_channel_data_that_lies_is_dropped(pair):
    c, p = pair
    c.bind_channel(0x4000, p.address)
    for raw in (b"\x40", b"\x40\0", b"\x40\0\0", b"\x40\0\0\1",
                b"\x40\0\0\6hello", b"\x40\0\xff\xffhello"):
        c.raw(raw)
    c.send_channel(0x4000, b"marker")
    assert p.receive()[0] == b"marker"


@pytest.mark.turnpike
def test_reserved_first_bytes_are_dropped(pair):
    """RFC 8656 12: 0x50 and above is no channel."""
    c, p = pair
    c.bind_channel(0x4000, p.address)
    for first in (0x50, 0x5F, 0x60, 0x7F, 0x80, 0xFF, 0x14, 0x10):
        c.raw(bytes([first, 0, 0, 4]) + b"data")
    c.send_channel(0x4000, b"marker")
    assert p.receive()[0] == b"marker"


def test_data_before_peer_in_an_indication(pair):
    """uclient's order."""
    c, p = pair
    tid = stun.new_id()
    attrs = [(stun.DATA, b"data first"), stun.peer(p.address)]
    c.raw(stun.encode(stun.SEND, stun.INDICATION,
                      stun.resolve(attrs, tid), tid))
    assert p.receive()[0] == b"data first"


def test_optional_attributes_in_an_indication(pair):
    c, p = pair
    c.send(p.address, b"ignored are the rest", (0x8050, b"\1"),
           (stun.SOFTWARE, b"test"))
    assert p.receive()[0] == b"ignored are the rest"


@pytest.mark.turnpike
def test_fingerprint_in_an_indication(pair):
    c, p = pair
    tid = stun.new_id()
    attrs = stun.resolve([stun.peer(p.address), (stun.DATA, b"x")], tid)
    good = stun.add_fingerprint(
        stun.encode(stun.SEND, stun.INDICATION, attrs, tid))
    c.raw(good[:-1] + bytes([good[-1] ^ 1]))
    c.raw(good)
    c.send(p.address, b"marker")
    assert p.receive()[0] == b"x"
    assert p.receive()[0] == b"marker"


@pytest.mark.turnpike
def test_bad_indications_are_dropped(pair):
    c, p = pair
    tid = stun.new_id()
    to, data = stun.peer(p.address), (stun.DATA, b"no")
    for attrs in ([to], [data], [], [to, data, (0x7FF0, b"")],
                  [(stun.XOR_PEER_ADDRESS, b"\0\1"), data],
                  [stun.peer(("::1", p.address[1])), data],
                  [stun.peer((p.address[0], 0)), data]):
        c.raw(stun.encode(stun.SEND, stun.INDICATION,
                          stun.resolve(attrs, tid), tid))
    # Data indications are for servers to send.
    c.raw(stun.encode(stun.DATA_METHOD, stun.INDICATION,
                      stun.resolve([to, data], tid), tid))
    # A Send request does not exist.
    c.raw(stun.encode(stun.SEND, stun.REQUEST,
                      stun.resolve([to, data], tid), tid))
    c.send(p.address, b"marker")
    assert p.receive()[0] == b"marker"


def test_dont_fragment_in_an_indication(pair):
    c, p = pair
    c.send(p.address, b"with DF", (stun.DONT_FRAGMENT, b""))
    assert p.receive()[0] == b"with DF"


def test_indication_without_allocation(daemon, client, peer):
    server = daemon()
    stranger, c, p = client(server), client(server), peer()
    stranger.send(p.address, b"from nobody")
    stranger.send_channel(0x4000, b"from nobody")
    c.allocate()
    c.permit("127.0.0.1")
    c.send(p.address, b"marker")
    assert p.receive() == (b"marker", c.relayed)


@pytest.mark.turnpike
def test_what_no_longer_fits(pair):
    """A UDP payload ends at 65,507 bytes, headers of ours included."""
    c, p = pair
    for size in (65468, 65469, 65471, 65507):
        p.send(c.relayed, bytes(size))
    p.send(c.relayed, b"marker")
    first, data = c.receive()
    assert len(data) == 65468
    while data != b"marker":
        first, data = c.receive()
        assert data == b"marker" or len(data) <= 65471
    c.bind_channel(0x4000, p.address)
    for size in (65503, 65504, 65507):
        p.send(c.relayed, bytes(size))
    p.send(c.relayed, b"marker")
    assert c.receive() == (0x4000, bytes(65503))
    assert c.receive() == (0x4000, b"marker")
    c.send_channel(0x4000, bytes(65503))
    assert len(p.receive()[0]) == 65503


@pytest.mark.turnpike
def test_stun_from_a_peer_is_data(pair):
    """What comes in at the relay is never parsed."""
    c, p = pair
    for data in (stun.encode(stun.BINDING), stun.encode(stun.ALLOCATE),
                 stun.channel_data(0x4000, b"x"), b"\0", b"\x40\0\xff\xff"):
        p.send(c.relayed, data)
        assert c.receive() == (p.address, data)


@pytest.mark.turnpike
def test_a_burst_is_kept_whole_and_in_order(pair):
    """Batches of mixed sizes, both ways, through one channel."""
    c, p = pair
    c.bind_channel(0x4000, p.address)
    for turn in range(20):
        sent = [turn.to_bytes(2, "big") + n.to_bytes(2, "big")
                + os.urandom((n * 37 + turn * 11) % 1300) for n in range(50)]
        for data in sent:
            c.send_channel(0x4000, data)
        assert [p.receive()[0] for _ in sent] == sent
        for data in sent:
            p.send(c.relayed, data)
        assert [c.receive()[1] for _ in sent] == sent


@pytest.mark.turnpike
def test_a_closed_client_is_no_trouble(daemon, client, peer):
    """Browsers close the socket right after Refresh 0, so answers come back
    as port unreachable."""
    server = daemon()
    gone, c, p = client(server), client(server), peer()
    gone.allocate()
    gone.permit("127.0.0.1")
    relayed = gone.relayed
    gone.close()
    for _ in range(50):
        p.send(relayed, b"to nobody")
    c.allocate()
    c.permit("127.0.0.1")
    c.send(("127.0.0.1", 9), b"to a closed port")
    p.send(c.relayed, b"still here")
    assert c.receive() == (p.address, b"still here")
