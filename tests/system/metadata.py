"""A stand-in for Azure's metadata service, and for a STUN server."""

import http.server
import json
import select
import socket
import threading
import time

import stun

INTERFACES = "/metadata/instance/network/interface?api-version=2021-02-01"
LOAD_BALANCER = "/metadata/loadbalancer?api-version=2020-10-01"


def interfaces(*pairs):
    """The first answer: an interface for each (private, public)."""
    return json.dumps([{
        "ipv4": {"ipAddress": [{"privateIpAddress": private,
                                "publicIpAddress": public}],
                 "subnet": [{"address": "10.0.0.0", "prefix": "24"}]},
        "ipv6": {"ipAddress": []},
        "macAddress": "000D3AF806EC"} for private, public in pairs])


def load_balancer(*pairs):
    """The second one."""
    return json.dumps({"loadbalancer": {
        "publicIpAddresses": [{"frontendIpAddress": public,
                               "privateIpAddress": private}
                              for private, public in pairs],
        "inboundRules": [], "outboundRules": []}})


class Metadata:
    """Answers a path with what `answers` has for it: a text, or a function
    that is given the handler; 404 otherwise. Like the real one it refuses
    who does not send its header. `asked` are the paths so far."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                outer.reply(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A client that has hung up is what is tested."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.stopping = threading.Event()
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def reply(self, handler):
        answer = self.answers.get(handler.path)
        if handler.headers.get("Metadata") != "true":
            handler.send_error(400)
        elif answer is None:
            handler.send_error(404)
        elif callable(answer):
            answer(handler)
        else:
            send(handler, answer.encode())

    def close(self):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def send(handler, body, status=200):
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Nat:
    """Carries what comes to `inside` to a server and back, by another
    address: both sockets are the caller's, and are closed at the end."""

    def __init__(self, inside, outside, server):
        self.inside, self.outside = inside, outside
        self.outside.connect(server)
        self.address = "%s:%d" % inside.getsockname()
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def carry(self):
        client = None
        while True:
            ready, _, _ = select.select(
                [self.inside, self.outside, self.woken], [], [])
            if self.woken in ready:
                return
            if self.inside in ready:
                datagram, client = self.inside.recvfrom(2048)
                self.outside.send(datagram)
            if self.outside in ready:
                self.inside.sendto(self.outside.recv(2048), client)

    def close(self):
        self.wake.send(b"x")
        self.thread.join()
        for sock in self.inside, self.outside, self.wake, self.woken:
            sock.close()


class StunServer:
    """Says to whoever asks that its address is `seen`; drops as many
    requests first as it is told to."""

    def __init__(self, seen, drop=0, forge=None):
        self.seen = seen
        self.drop = drop
        self.forge = forge
        self.requests = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = "%s:%d" % self.sock.getsockname()
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            request, source = self.sock.recvfrom(2048)
            if not request:
                return
            self.requests.append((time.monotonic(), request))
            if len(self.requests) <= self.drop:
                continue
            transaction = request[8:20]
            if self.forge:
                transaction = self.forge(transaction)
            self.sock.sendto(stun.encode(
                stun.BINDING, stun.SUCCESS,
                [(stun.XOR_MAPPED_ADDRESS,
                  stun.xor_address((self.seen, source[1]), transaction))],
                transaction), source)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.sock.getsockname())
        self.thread.join()
        self.sock.close()
