"""Network namespaces joined by veth, and sockets inside them (root).

Names start with tp- and carry our process id, so that runs beside each other
do not meet. What is made here is removed here.
"""

import ctypes
import os
import socket
import subprocess
import threading

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
counter = 0


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"
    return done.stdout


def inside(path, function):
    """Run function in a thread that is in the namespace; the thread ends,
    so nothing else is ever moved."""
    result = []

    def run():
        fd = os.open(path, os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            result.append((function(), None))
        except Exception as error:  # handed to the caller
            result.append((None, error))
        finally:
            os.close(fd)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    value, error = result[0]
    if error:
        raise error
    return value


class Namespace:
    """One namespace with its loopback interface up."""

    def __init__(self, name):
        global counter
        counter += 1
        self.name = f"tp-{os.getpid()}-{counter}-{name}"
        self.path = f"/run/netns/{self.name}"
        self.void = None
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        return ip("-n", self.name, *words)

    def remove(self):
        if self.void:
            self.void.remove()
        # Its end of a veth goes with it, and so does the other.
        subprocess.run(["ip", "netns", "del", self.name], check=False)

    def run(self, function):
        """The function's result, computed inside."""
        return inside(self.path, function)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_DGRAM, proto=0):
        """A socket that lives in this namespace."""
        return self.run(lambda: socket.socket(family, kind, proto))

    def bound(self, address, port=0):
        """A UDP socket of this namespace, bound."""
        sock = self.socket()
        sock.bind((address, port))
        return sock

    def stub(self, name, *addresses, default=False):
        """An interface with addresses like "10.0.0.1/24" that leads
        nowhere: packets leave by it without asking for a neighbour (a veth
        into an empty namespace, for not every kernel has dummy)."""
        if not self.void:
            self.void = Namespace("void")
        join(self, self.void, names=(name, name))
        for ns in (self, self.void):
            ns.ip("link", "set", name, "arp", "off")
        for address in addresses:
            self.ip("address", "add", address, "dev", name)
        if default:
            self.ip("route", "add", "default", "dev", name)


def join(a, b, a_address=None, b_address=None, *, mtu=1500,
         names=("veth0", "veth0")):
    """Join two namespaces by a veth pair; addresses like "10.0.0.1/24"."""
    global counter
    counter += 1
    # Names are unique while both ends are in one namespace.
    left, right = f"tp{os.getpid() % 100000}a{counter}", \
        f"tp{os.getpid() % 100000}b{counter}"
    ip("link", "add", left, "netns", a.name, "type", "veth", "peer", "name",
       right, "netns", b.name)
    for ns, old, new, address in ((a, left, names[0], a_address),
                                  (b, right, names[1], b_address)):
        ns.ip("link", "set", old, "name", new, "mtu", str(mtu))
        if address:
            ns.ip("address", "add", address, "dev", new)
        ns.ip("link", "set", new, "up")
