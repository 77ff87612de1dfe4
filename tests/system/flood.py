"""Datagrams by the hundred thousand, many in one system call (sendmmsg), and
from addresses that nobody has: those of 127.0.0.0/8 on loopback, or any by a
raw socket (root)."""

import ctypes
import socket
import struct
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
BATCH = 512
IP_PKTINFO = 8


class SockaddrIn(ctypes.Structure):
    _fields_ = [("family", ctypes.c_uint16), ("port", ctypes.c_uint16),
                ("addr", ctypes.c_uint8 * 4), ("zero", ctypes.c_uint8 * 8)]


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_char_p),
                ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("header", Msghdr), ("len", ctypes.c_uint)]


def from_address(ip):
    """The control message that sends from that local address."""
    info = struct.pack("=I4s4s", 0, socket.inet_aton(ip), bytes(4))
    return struct.pack("@Nii", 16 + len(info), socket.SOL_IP,
                       IP_PKTINFO) + info + bytes(4)


class Flood:
    """Sends `count` copies of `data` to `server`, from a socket and, one
    after the other, from the given source addresses (its own if there are
    none), at most `per_s` a second; in a thread, between start() and join().
    """

    def __init__(self, sock, server, data, count, sources=(), per_s=None):
        self.sock, self.count, self.per_s = sock, count, per_s
        self.sent = 0
        to = SockaddrIn(socket.AF_INET, socket.htons(server[1]),
                        (ctypes.c_uint8 * 4)(*socket.inet_aton(server[0])))
        iov = Iovec(data, len(data))
        controls = [from_address(ip) for ip in sources] or [None]
        self.held = to, iov, controls
        self.batches = []
        for at in range(0, len(controls), BATCH):
            part = controls[at:at + BATCH]
            part *= BATCH // len(part)
            batch = (Mmsghdr * len(part))()
            for message, control in zip(batch, part):
                message.header = Msghdr(
                    ctypes.addressof(to), ctypes.sizeof(to),
                    ctypes.pointer(iov), 1, control,
                    len(control) if control else 0, 0)
            self.batches.append(batch)
        self.thread = threading.Thread(target=self.run)

    def start(self):
        self.begin = time.monotonic()
        self.thread.start()
        return self

    def join(self):
        self.thread.join()
        assert self.sent == self.count, "the flood broke off"
        return self

    def run(self):
        # Paced in steps of a millisecond: a burst would fill any queue.
        step = max(self.per_s // 1000, 1) if self.per_s else BATCH
        turn = at = 0
        while self.sent < self.count:
            batch = self.batches[turn % len(self.batches)]
            size = min(len(batch) - at, step, self.count - self.sent)
            done = libc.sendmmsg(self.sock.fileno(),
                                 ctypes.byref(batch, at * ctypes.sizeof(
                                     Mmsghdr)), size, 0)
            if done <= 0:
                return
            self.sent += done
            at += done
            if at == len(batch):
                turn, at = turn + 1, 0
            if self.per_s:
                ahead = self.sent / self.per_s - (time.monotonic()
                                                  - self.begin)
                time.sleep(max(ahead, 0))
        self.seconds = time.monotonic() - self.begin


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def udp_packet(source, destination, payload):
    """A whole IPv4 packet, whatever its source; no UDP checksum."""
    udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload),
                      0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17,
                       0, socket.inet_aton(source[0]),
                       socket.inet_aton(destination[0]))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


class Spoofer:
    """Sends from any address, out of a namespace."""

    def __init__(self, ns):
        self.sock = ns.socket(socket.AF_INET, socket.SOCK_RAW,
                              socket.IPPROTO_RAW)
        # To and from broadcast addresses, too.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, source, destination, payload):
        self.sock.sendto(udp_packet(source, destination, payload),
                         (destination[0], 0))


def counters(ns):
    """(UDP datagrams, IP bytes) that have left sockets of the namespace."""
    def read():
        values = {}
        for name in ("/proc/thread-self/net/snmp",
                     "/proc/thread-self/net/netstat"):
            with open(name) as lines:
                for names in lines:
                    kind, *names = names.split()
                    values.update(zip((kind + n for n in names),
                                      next(lines).split()[1:]))
        return (int(values["Udp:OutDatagrams"]),
                int(values["IpExt:OutOctets"]))
    return ns.run(read)
