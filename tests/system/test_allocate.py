"""Allocate and Refresh: every attribute and every code (RFC 8656 7, 8)."""

import pytest

import stun

IPV6 = stun.family(stun.REQUESTED_ADDRESS_FAMILY, stun.IPV6)
IPV4 = stun.family(stun.REQUESTED_ADDRESS_FAMILY, stun.IPV4)
ALSO_IPV6 = stun.family(stun.ADDITIONAL_ADDRESS_FAMILY, stun.IPV6)
ALSO_IPV4 = stun.family(stun.ADDITIONAL_ADDRESS_FAMILY, stun.IPV4)
TOKEN = (stun.RESERVATION_TOKEN, b"notatokn")


def test_success(daemon, client):
    server = daemon()
    c = client(server)
    answer = c.allocate()
    ip, port = answer.relayed
    low, high = server.relay_ports
    assert ip == "127.0.0.1" and low <= port <= high
    assert answer.lifetime == 600
    assert not answer.has(stun.RESERVATION_TOKEN)


@pytest.mark.turnpike
def test_success_has_no_more_than_it_must(daemon, client):
    answer = client(daemon(), legacy=True).allocate()
    assert sorted(kind for kind, _ in answer.attrs) == sorted([
        stun.XOR_RELAYED_ADDRESS, stun.LIFETIME, stun.XOR_MAPPED_ADDRESS,
        stun.MESSAGE_INTEGRITY])


@pytest.mark.parametrize("asked,given", [
    (10, 600), (600, 600), (601, 601), (1800, 1800), (3600, 3600),
    (3601, 3600), (0xFFFFFFFF, 3600)])
def test_lifetime(daemon, client, asked, given):
    c = client(daemon())
    assert c.allocate(stun.lifetime(asked)).lifetime == given
    assert c.refresh(asked).lifetime == given


@pytest.mark.turnpike
def test_lifetime_zero_in_allocate_is_the_default(daemon, client):
    """RFC 8656 7.2 knows no special zero here; that is Refresh's."""
    assert client(daemon()).allocate(stun.lifetime(0)).lifetime == 600


def test_refresh_without_lifetime(daemon, client):
    c = client(daemon())
    assert c.allocate(stun.lifetime(1000)).lifetime == 1000
    assert c.refresh().lifetime == 600


@pytest.mark.turnpike
def test_refresh_zero_ends_it(daemon, client, peer):
    """At once: no data, no refresh, and the 5-tuple can allocate again."""
    c = client(daemon())
    p = peer()
    c.allocate()
    old = c.relayed
    c.permit("127.0.0.1")
    assert c.refresh(0).lifetime == 0
    p.send(old, b"too late")
    c.refresh(expect=437)
    c.permit("127.0.0.1", expect=437)
    c.allocate()
    c.refresh(0)


@pytest.mark.turnpike
def test_refresh_zero_again(daemon, client):
    """A repeated Refresh 0 is success or 437."""
    c = client(daemon())
    c.allocate()
    request = c.build(stun.REFRESH, [stun.lifetime(0)])
    assert c.exchange(request).lifetime == 0
    assert c.exchange(request).error in (None, 437)


@pytest.mark.turnpike
def test_nothing_of_a_deleted_allocation_comes_back(daemon, client, peer):
    c = client(daemon())
    p = peer()
    c.allocate()
    c.bind_channel(0x4000, p.address)
    c.refresh(0)
    p.send(c.relayed, b"too late")
    c.send_channel(0x4000, b"too late")
    c.answered_only()
    c.allocate()
    c.send_channel(0x4000, b"not bound any more")
    c.send(p.address, b"not permitted any more")
    c.permit("127.0.0.1")
    c.send(p.address, b"marker")
    assert p.receive()[0] == b"marker"


@pytest.mark.turnpike
@pytest.mark.parametrize("method,attrs", [
    (stun.REFRESH, []),
    (stun.REFRESH, [stun.lifetime(0)]),
    (stun.CREATE_PERMISSION, [stun.peer(("127.0.0.1", 9))]),
    (stun.CHANNEL_BIND, [stun.channel_number(0x4000),
                         stun.peer(("127.0.0.1", 9))])])
def test_without_allocation_437(daemon, client, method, attrs):
    c = client(daemon())
    c.get_challenge()
    c.request(method, attrs, expect=437)


@pytest.mark.turnpike
def test_second_allocate_is_437(daemon, client):
    c = client(daemon())
    c.allocate()
    first = c.relayed
    c.allocate(expect=437)
    assert c.relayed == first
    c.refresh()


@pytest.mark.turnpike
def test_retransmission_is_the_same_allocation(daemon, client):
    c = client(daemon())
    c.get_challenge()
    request = c.build(stun.ALLOCATE, [
        stun.requested_transport(), stun.lifetime(2000),
        stun.even_port(True)])
    first = c.exchange(request)
    again = c.exchange(request)
    assert first.error is None
    assert again.relayed == first.relayed
    assert again.get(stun.RESERVATION_TOKEN) == \
        first.get(stun.RESERVATION_TOKEN)
    assert first.lifetime - 5 <= again.lifetime <= first.lifetime
    c.check_signed(again)


@pytest.mark.turnpike
def test_strangers_see_no_replayed_success(daemon, client):
    """The same transaction id without the credential is a 401."""
    c = client(daemon())
    c.get_challenge()
    tid = stun.new_id()
    c.allocate(tid=tid)
    answer = c.exchange(stun.encode(stun.ALLOCATE, attrs=[
        stun.requested_transport()], tid=tid))
    assert answer.error == 401
    password, c.password = c.password, "wrong"
    answer = c.exchange(c.build(stun.ALLOCATE, [stun.requested_transport()],
                                tid=tid))
    assert answer.error == 401
    c.password = password
    c.refresh()


@pytest.mark.turnpike
def test_retransmissions_charge_once(daemon, client):
    """No retransmission makes a second allocation or quota charge."""
    server = daemon(limits={"allocations_per_user": 2})
    c = client(server)
    c.get_challenge()
    request = c.build(stun.ALLOCATE, [stun.requested_transport()])
    for _ in range(20):
        c.raw(request)
    c.exchange(request)
    client(server).allocate()
    client(server).allocate(expect=486)


def test_no_transport_is_400(daemon, client):
    c = client(daemon())
    c.allocate(transport=False, expect=400)
    c.allocate()


@pytest.mark.turnpike
@pytest.mark.parametrize("kind,value", [
    (stun.REQUESTED_TRANSPORT, b""),
    (stun.REQUESTED_TRANSPORT, b"\x11"),
    (stun.REQUESTED_TRANSPORT, b"\x11\0\0"),
    (stun.REQUESTED_TRANSPORT, b"\x11\0\0\0\0\0\0\0"),
    (stun.LIFETIME, b"\0\0\0"),
    (stun.EVEN_PORT, b""),
    (stun.REQUESTED_ADDRESS_FAMILY, b"\1"),
    (stun.RESERVATION_TOKEN, b"short")])
def test_wrong_lengths_are_400(daemon, client, kind, value):
    c = client(daemon())
    attrs = [(kind, value)]
    if kind != stun.REQUESTED_TRANSPORT:
        attrs.append(stun.requested_transport())
    c.request(stun.ALLOCATE, attrs, expect=400)
    c.allocate()


@pytest.mark.turnpike
@pytest.mark.parametrize("protocol", [stun.TCP, 0, 255])
def test_other_transports_are_442(daemon, client, protocol):
    c = client(daemon())
    c.allocate(stun.requested_transport(protocol), transport=False,
               expect=442)


@pytest.mark.turnpike
def test_families(daemon, client):
    server = daemon()
    client(server).allocate(IPV4)
    client(server).allocate(IPV6, expect=440)
    client(server).allocate(
        stun.family(stun.REQUESTED_ADDRESS_FAMILY, 9), expect=440)


@pytest.mark.turnpike
def test_both_families_give_one_and_the_reason(daemon, client):
    """RFC 8656 7.2: ADDRESS-ERROR-CODE tells why there is no IPv6."""
    answer = client(daemon()).allocate(ALSO_IPV6)
    assert len(answer.all(stun.XOR_RELAYED_ADDRESS)) == 1
    value = answer.get(stun.ADDRESS_ERROR_CODE)
    assert (value[0], value[2] & 7, value[3]) == (stun.IPV6, 4, 40)


@pytest.mark.turnpike
@pytest.mark.parametrize("attrs", [
    (IPV4, ALSO_IPV6), (IPV6, ALSO_IPV6), (ALSO_IPV4,),
    (TOKEN, stun.even_port(False)), (TOKEN, stun.even_port(True)),
    (TOKEN, IPV4), (TOKEN, ALSO_IPV6),
    (stun.even_port(True), ALSO_IPV6)])
def test_contradictions_are_400(daemon, client, attrs):
    c = client(daemon())
    c.allocate(*attrs, expect=400)
    c.allocate()


def test_even_port(daemon, client):
    server = daemon()
    for _ in range(8):
        c = client(server)
        answer = c.allocate(stun.even_port(False))
        assert answer.relayed[1] % 2 == 0
        assert not answer.has(stun.RESERVATION_TOKEN)


@pytest.mark.turnpike
def test_reservation(daemon, client):
    """The next higher port is kept for whoever brings the token, once, on
    any worker."""
    server = daemon(workers=5)
    for _ in range(6):
        answer = client(server).allocate(stun.even_port(True))
        token = stun.RESERVATION_TOKEN, answer.get(stun.RESERVATION_TOKEN)
        assert answer.relayed[1] % 2 == 0 and len(token[1]) == 8
        second = client(server)
        second.allocate(token)
        assert second.relayed == (answer.relayed[0], answer.relayed[1] + 1)
        client(server).allocate(token, expect=508)


@pytest.mark.turnpike
def test_unknown_tokens_are_508(daemon, client):
    server = daemon()
    answer = client(server).allocate(stun.even_port(True))
    good = answer.get(stun.RESERVATION_TOKEN)
    for token in (b"notatokn", bytes(8), b"\xff" * 8,
                  good[:7] + bytes([good[7] ^ 1])):
        client(server).allocate((stun.RESERVATION_TOKEN, token), expect=508)


@pytest.mark.turnpike
def test_unknown_required_attributes(daemon, client):
    c = client(daemon())
    answer = c.allocate((0x7FF0, b"a"), (0x0030, b""), (0x7FF0, b"b"),
                        expect=420)
    assert set(answer.unknown) == {0x7FF0, 0x0030}
    c.allocate()


def test_microsofts_attributes_are_ignored(daemon, client):
    """Azure Communication Services' SDKs may send any of them."""
    c = client(daemon())
    extra = [(kind, b"\1\2\3\4\5") for kind in stun.MICROSOFT]
    c.allocate(*extra)
    c.request(stun.CREATE_PERMISSION,
              [*extra, stun.peer(("127.0.0.1", 1))], expect=None)
    c.refresh(None, *extra)


@pytest.mark.turnpike
def test_draft_microsoft_turn_allocates_nothing(daemon, client):
    """[MS-TURN], draft 8: attribute 0x000F with 0x72c64bc6 first."""
    c = client(daemon())
    answer = c.exchange(stun.encode(stun.ALLOCATE, attrs=[
        (0x000F, bytes.fromhex("72c64bc6"))]))
    assert answer.error in (400, 401, 420)


def test_dont_fragment_is_supported(daemon, client):
    client(daemon()).allocate((stun.DONT_FRAGMENT, b""))


@pytest.mark.turnpike
def test_refresh_of_another_family_is_443(daemon, client):
    c = client(daemon())
    c.allocate()
    c.refresh(600, IPV6, expect=443)
    c.refresh(0, IPV6, expect=443)
    c.refresh(600, IPV4)


@pytest.mark.turnpike
def test_fingerprint_follows_the_request(daemon, client):
    c = client(daemon())
    assert c.allocate(fingerprint=True).fingerprinted
    assert c.refresh(fingerprint=True).fingerprinted
    assert not c.refresh().has(stun.FINGERPRINT)


@pytest.mark.turnpike
def test_relay_ports_cannot_be_guessed(daemon, client):
    """Neither in sequence nor near each other."""
    server = daemon()
    ports = []
    for _ in range(40):
        c = client(server)
        c.allocate()
        ports.append(c.relayed[1])
    assert len(set(ports)) == len(ports)
    steps = [abs(b - a) for a, b in zip(ports, ports[1:])]
    assert sum(step <= 4 for step in steps) <= 4
    low, high = server.relay_ports
    assert max(ports) - min(ports) > (high - low) / 2


@pytest.mark.turnpike
def test_advertised_address(daemon, client):
    """What a 1:1 NAT needs: bound is one address, told is another."""
    server = daemon(relay={"address": "127.0.0.1",
                           "advertise": "20.202.255.255",
                           "ports": [61000, 65535]})
    c = client(server)
    assert c.allocate().relayed[0] == "20.202.255.255"


@pytest.mark.turnpike
def test_unknown_methods_have_no_answer_or_an_error(daemon, client):
    """Connect (RFC 6062) and methods nobody defined."""
    c = client(daemon())
    c.get_challenge()
    for method in (0x00A, 0x00B, 0x123, 0xFFF, 0):
        c.raw(c.build(method))
    while True:
        data = c.read(0.25)
        if data is None:
            break
        assert stun.Message(data).cls == stun.ERROR
    c.answered_only()
