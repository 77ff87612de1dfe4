"""A small synchronous TURN client over UDP, for tests.

It does what RFC 8489 and RFC 8656 ask of a client: retransmissions, the
long-term credential mechanism with MD5 and SHA-256 keys, USERHASH, a new
nonce after 438. It checks the integrity of every answer that must carry it.
`raw` and `exchange` send what no client should.
"""

import base64
import socket
import time

import stun

# Retransmission: RFC 8489's 500 ms is made for the Internet.
RTO_S = 0.25
PATIENCE_S = 4.0
NOTHING_S = 0.25


class NoAnswer(Exception):
    """The server did not answer in time."""


class TurnClient:
    """One client socket, that is one 5-tuple.

    user, password   the credential; key_md5 instead of a password
    realm            taken from the server's 401 if None
    algorithm        stun.MD5 or stun.SHA256 to know only that one; None:
                     take the first one offered, as RFC 8489 9.2.5 says
    legacy           True: RFC 5389's client, as browsers are: knows no
                     PASSWORD-ALGORITHMS and no nonce cookie
    use_hash         True: USERHASH; False: USERNAME; None: as the nonce says
    sock             a socket to use, e.g. one of another network namespace
    """

    def __init__(self, server, user="alice", password="secret", *,
                 realm=None, key_md5=None, algorithm=None, legacy=False,
                 use_hash=None, bind=None, sock=None):
        self.server = server
        self.user = user
        self.password = password
        self.realm = realm
        self.key_md5 = key_md5
        self.algorithm = algorithm
        self.legacy = legacy
        self.use_hash = False if legacy else use_hash
        self.nonce = None
        self.offered = None  # value of PASSWORD-ALGORITHMS
        self.challenge = None  # the last 401 or 438
        self.inbox = []  # what arrived while waiting for an answer
        self.sent_packets = 0
        self.sock = sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if sock is None:
            self.sock.bind(bind or (server[0], 0))
        big_buffers(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    @property
    def address(self):
        return self.sock.getsockname()

    # Bytes.

    def raw(self, data):
        """Send bytes as they are."""
        self.sent_packets += 1
        self.sock.sendto(data, self.server)

    def read(self, timeout_s):
        """The next datagram of the server, None if none came in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self.sock.settimeout(left)
            try:
                data, source = self.sock.recvfrom(65536)
            except socket.timeout:
                return None
            except ConnectionRefusedError:
                continue
            # Answers leave from the address that was asked.
            assert source == self.server, f"answer from {source}"
            return data

    def exchange(self, data, tid=None, patience_s=PATIENCE_S):
        """Send, again and again, until an answer with this transaction id
        comes; what else arrives goes to the inbox."""
        tid = tid or data[8:20]
        deadline = time.monotonic() + patience_s
        rto = RTO_S
        while time.monotonic() < deadline:
            self.raw(data)
            resend = min(time.monotonic() + rto, deadline)
            rto *= 2
            while (left := resend - time.monotonic()) > 0:
                answer = self.read(left)
                if answer is None:
                    break
                if not stun.is_channel_data(answer):
                    message = stun.Message(answer)
                    if message.tid == tid and message.cls in (
                            stun.SUCCESS, stun.ERROR):
                        return message
                self.inbox.append(answer)
        raise NoAnswer(f"no answer to {data[:20].hex()} within {patience_s} s")

    def silence(self, timeout_s=NOTHING_S):
        """Assert that nothing comes. Costs its time-out in full: prefer
        `answered_only`."""
        data = self.inbox.pop(0) if self.inbox else self.read(timeout_s)
        assert data is None, f"not expected: {data[:80].hex()}"

    def answered_only(self):
        """Assert that what was sent until now had no answer: a Binding
        request sent now is answered, and nothing comes before."""
        tid = stun.new_id()
        self.raw(stun.encode(stun.BINDING, tid=tid))
        data = self.inbox.pop(0) if self.inbox else self.read(PATIENCE_S)
        assert data is not None, "the Binding request has no answer"
        message = None if stun.is_channel_data(data) else stun.Message(data)
        assert message and message.tid == tid, (
            f"before the Binding response came {data[:80].hex()}")

    # Messages.

    def key(self, algorithm):
        if algorithm == stun.SHA256:
            return stun.key_sha256(self.user, self.realm, self.password)
        return self.key_md5 or stun.key_md5(self.user, self.realm,
                                            self.password)

    def choose(self):
        """The algorithm to use with the current challenge, None if the
        server lists none (then it is MD5 without PASSWORD-ALGORITHM)."""
        if self.legacy or not self.offered:
            return None
        for number in self.challenge.algorithms:
            if number in ((self.algorithm,) if self.algorithm
                          else (stun.MD5, stun.SHA256)):
                return number
        raise NoAnswer(f"none of {self.challenge.algorithms} is known")

    def anonymous(self):
        if self.use_hash is not None:
            return self.use_hash
        return bool(self.nonce and features(self.nonce) & 0x400000)

    def credentials(self, *, without=()):
        """The attributes that carry the credential, in RFC 8489's order."""
        attrs = []
        if self.anonymous():
            attrs.append((stun.USERHASH,
                          stun.userhash(self.user, self.realm)))
        else:
            attrs.append((stun.USERNAME, self.user.encode()))
        attrs.append((stun.REALM, self.realm.encode()))
        attrs.append((stun.NONCE, self.nonce))
        number = self.choose()
        if number:
            attrs.append((stun.PASSWORD_ALGORITHMS, self.offered))
            attrs.append((stun.PASSWORD_ALGORITHM, stun.algorithms(number)))
        return [a for a in attrs if a[0] not in without]

    def sign(self, message):
        number = self.choose()
        if number:
            return stun.add_integrity_sha256(message, self.key(number))
        return stun.add_integrity(message, self.key(stun.MD5))

    def build(self, method, attrs=(), *, tid=None, auth=True,
              fingerprint=False, without=()):
        """A request as bytes, signed if `auth` and a challenge is known."""
        tid = tid or stun.new_id()
        auth = auth and self.nonce is not None
        attrs = stun.resolve(attrs, tid)
        if auth:
            attrs += self.credentials(without=without)
        message = stun.encode(method, stun.REQUEST, attrs, tid)
        if auth:
            message = self.sign(message)
        return stun.add_fingerprint(message) if fingerprint else message

    def learn(self, response):
        """Take realm, nonce and algorithms from a 401 or 438."""
        self.challenge = response
        nonce = response.get(stun.NONCE)
        realm = response.get(stun.REALM)
        assert nonce and realm, f"no challenge in {response}"
        self.nonce = nonce
        if self.realm is None:
            self.realm = realm.decode()
        self.offered = response.get(stun.PASSWORD_ALGORITHMS)
        assert bool(self.offered) == bool(features(nonce) & 0x800000), (
            "PASSWORD-ALGORITHMS and the nonce's bit do not agree")

    def get_challenge(self):
        """Ask for a nonce with an Allocate without credentials."""
        response = self.exchange(stun.encode(
            stun.ALLOCATE, attrs=[stun.requested_transport()]))
        assert response.error == 401, f"expected 401: {response}"
        self.learn(response)
        return response

    def check_signed(self, response):
        """Every response after authentication carries the integrity that
        RFC 8489 9.2.4 prescribes."""
        number = self.choose()
        if number:
            assert response.signed_sha256_with(self.key(number)), response
            assert not response.has(stun.MESSAGE_INTEGRITY), response
        else:
            assert response.signed_with(self.key(stun.MD5)), response
            assert not response.has(stun.MESSAGE_INTEGRITY_SHA256), response

    def request(self, method, attrs=(), *, expect="any", retry=True,
                tid=None, **how):
        """One authenticated transaction. A 401 to a request without
        credentials and a 438 are answered by another attempt if `retry`.
        `expect`: None for success, or the error code that must come."""
        response = self.exchange(self.build(method, attrs, tid=tid, **how))
        for _ in range(2):
            fresh = response.error == 401 and self.nonce is None
            if not retry or not (fresh or response.error == 438):
                break
            self.learn(response)
            response = self.exchange(self.build(method, attrs, **how))
        if expect != "any":
            assert response.error == expect, (
                f"expected {expect or 'success'}: {response}")
        # Whoever expects a 400 here expects one after authentication.
        # A 500 comes where no source could say which key it would be.
        unsigned = (401, 438, 500) if expect == 400 else (400, 401, 438, 500)
        if self.nonce and response.error not in unsigned:
            self.check_signed(response)
        return response

    # TURN.

    def allocate(self, *attrs, expect=None, transport=True, **how):
        """Allocate; returns the response. self.relayed is the address."""
        base = [stun.requested_transport()] if transport else []
        response = self.request(stun.ALLOCATE, base + list(attrs),
                                expect=expect, **how)
        if response.error is None:
            self.relayed = response.relayed
            assert response.mapped == self.address, response.mapped
        return response

    def refresh(self, seconds=None, *attrs, expect=None, **how):
        base = [] if seconds is None else [stun.lifetime(seconds)]
        return self.request(stun.REFRESH, base + list(attrs), expect=expect,
                            **how)

    def permit(self, *peers, expect=None, **how):
        """CreatePermission for IP addresses or (ip, port) pairs."""
        attrs = [stun.peer(p if isinstance(p, tuple) else (p, 0))
                 for p in peers]
        return self.request(stun.CREATE_PERMISSION, attrs, expect=expect,
                            **how)

    def bind_channel(self, number, peer, expect=None, **how):
        return self.request(stun.CHANNEL_BIND, [
            stun.channel_number(number), stun.peer(peer)], expect=expect,
            **how)

    def send(self, peer, data, *attrs):
        """A Send indication."""
        tid = stun.new_id()
        parts = [stun.peer(peer), *attrs, (stun.DATA, data)]
        self.raw(stun.encode(stun.SEND, stun.INDICATION,
                             stun.resolve(parts, tid), tid))

    def send_channel(self, number, data, padding=0):
        self.raw(stun.channel_data(number, data, padding))

    def receive(self, timeout_s=PATIENCE_S):
        """The next relayed datagram: ((ip, port) or channel number, data).
        Fails if none comes, or if a response comes instead."""
        raw = self.inbox.pop(0) if self.inbox else self.read(timeout_s)
        assert raw is not None, f"nothing came within {timeout_s} s"
        if stun.is_channel_data(raw):
            return stun.parse_channel_data(raw)
        message = stun.Message(raw)
        assert (message.method, message.cls) == (
            stun.DATA_METHOD, stun.INDICATION), f"not data: {message}"
        return message.peer, message.get(stun.DATA)


def features(nonce):
    """The security feature bits of a nonce, 0 without the nonce cookie."""
    if not nonce.startswith(b"obMatJos2"):
        return 0
    return int.from_bytes(base64.b64decode(nonce[9:13]), "big")


def big_buffers(sock, size=4 << 20):
    """Buffers large enough that no test loses a packet in its own socket."""
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, size)


class Peer:
    """A UDP socket on the far side of the relay."""

    def __init__(self, address=("127.0.0.1", 0), sock=None):
        self.sock = sock or socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if sock is None:
            self.sock.bind(address)
        big_buffers(self.sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    @property
    def address(self):
        return self.sock.getsockname()

    def send(self, to, data):
        self.sock.sendto(data, to)

    def receive(self, timeout_s=PATIENCE_S):
        """The next datagram: (data, source). Fails if none comes."""
        self.sock.settimeout(timeout_s)
        try:
            return self.sock.recvfrom(65536)
        except socket.timeout:
            raise AssertionError(
                f"nothing came to {self.address} within {timeout_s} s"
            ) from None

    def silence(self, timeout_s=NOTHING_S):
        self.sock.settimeout(timeout_s)
        try:
            data, source = self.sock.recvfrom(65536)
        except socket.timeout:
            return
        raise AssertionError(f"not expected: {data[:80].hex()} of {source}")
