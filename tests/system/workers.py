"""Which worker a client belongs to: src/net/reuseport.h, once more."""

import ipaddress
import socket

M = 0xFFFFFFFF


def worker_of(address, workers):
    x = (int(ipaddress.ip_address(address[0])) + address[1] * 0x9e3779b1) & M
    x = ((x ^ x >> 16) * 0x85ebca6b) & M
    x = ((x ^ x >> 13) * 0xc2b2ae35) & M
    return (x ^ x >> 16) % workers


def socket_on(worker, workers, ip="127.0.0.1", make=None):
    """A bound UDP socket whose client belongs to that worker."""
    refused = []
    try:
        while True:
            sock = make() if make else socket.socket(socket.AF_INET,
                                                     socket.SOCK_DGRAM)
            sock.bind((ip, 0))
            if worker_of(sock.getsockname(), workers) == worker:
                return sock
            refused.append(sock)
    finally:
        for sock in refused:
            sock.close()
