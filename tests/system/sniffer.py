"""UDP packets as they are on the wire, seen by a packet socket (root)."""

import ipaddress
import select
import socket
import struct
import time

ETH_P_IP = 0x0800
ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_STATISTICS = 6


class Packet:
    """An IPv4 packet: addresses, tos, df, fragment, and, of an unfragmented
    or first fragment, UDP ports and payload."""

    def __init__(self, raw, interface):
        self.interface = interface
        head = (raw[0] & 15) * 4
        self.tos = raw[1]
        self.ident, bits = struct.unpack_from("!HH", raw, 4)
        self.df = bool(bits & 0x4000)
        self.more = bool(bits & 0x2000)
        self.offset = (bits & 0x1FFF) * 8
        self.ttl, self.protocol = raw[8], raw[9]
        self.src = str(ipaddress.ip_address(raw[12:16]))
        self.dst = str(ipaddress.ip_address(raw[16:20]))
        self.length = struct.unpack_from("!H", raw, 2)[0]
        self.raw = raw[:self.length]
        self.sport = self.dport = None
        self.payload = b""
        if self.protocol == 17 and self.offset == 0:
            self.sport, self.dport = struct.unpack_from("!HH", raw, head)
            self.payload = self.raw[head + 8:]

    @property
    def fragment(self):
        return self.more or self.offset > 0

    def __repr__(self):
        return (f"<{self.src}:{self.sport} > {self.dst}:{self.dport} tos "
                f"{self.tos:#04x} df {self.df} at {self.offset} "
                f"{self.length} bytes on {self.interface}>")


class Sniffer:
    """Sees the IPv4 packets that arrive in a namespace (or in this one) from
    now on; with `leaving`, also those that leave it."""

    def __init__(self, ns=None, leaving=False):
        # The kernel shows leaving packets only to those who ask for all.
        kind = ETH_P_ALL if leaving else ETH_P_IP

        def make():
            return socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                 socket.htons(kind))
        self.sock = ns.run(make) if ns else make()
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def until(self, last, timeout_s=5):
        """All packets up to the first for which last(packet) is true, that
        one included. Fails if it does not come."""
        seen = []
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.sock], [], [], left)[0], (
                f"the awaited packet did not come; seen: {seen[-20:]}")
            raw, source = self.sock.recvfrom(1 << 17)
            interface, protocol, direction = source[:3]
            # On lo every packet leaves and arrives: once is enough.
            if protocol != ETH_P_IP or (
                    interface == "lo" and direction == PACKET_OUTGOING):
                continue
            packet = Packet(raw, interface)
            seen.append(packet)
            if last(packet):
                assert self.lost() == 0, "the sniffer itself lost packets"
                return seen

    def lost(self):
        value = self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        return struct.unpack("II", value)[1]
