"""A client of the control API, over either of its sockets."""

import http.client
import json
import os
import socket

import daemon as daemons


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]


def free_tcp_port():
    """A TCP port nobody has bound, outside the kernel's own range."""
    return daemons.free_port(make=lambda: socket.socket(
        socket.AF_INET, socket.SOCK_STREAM))


class Control:
    """The API of a server: over its unix socket, or over TCP with a token.

    ask("GET", "/v1/server") returns an Answer; each asks on a connection of
    its own."""

    def __init__(self, server, token=None, tcp=False):
        self.config = server.config["control"]
        self.tcp = tcp
        self.token = token

    def connect(self, timeout=10):
        if not self.tcp:
            return UnixConnection(self.config["socket"], timeout)
        host, _, port = self.config["http"].rpartition(":")
        return http.client.HTTPConnection(host, int(port), timeout=timeout)

    def ask(self, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        connection = self.connect()
        try:
            connection.request(method, path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        answer = self.ask("GET", path)
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    def raw(self, data, timeout=10):
        """Send bytes, and read until the other end closes."""
        connection = self.connect(timeout)
        connection.connect()
        sock = connection.sock
        got = b""
        try:
            sock.sendall(data)
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return got
                got += piece
        except (ConnectionResetError, BrokenPipeError):
            return got
        finally:
            sock.close()


def read_token(server):
    with open(os.path.join(server.config["state_dir"],
                           "control-token")) as file:
        return file.read().strip()
