"""An HTTP/1.1 client that sends exactly the bytes it is told to."""

import json
import socket
import ssl
import time

import websocket
from upstream import read_head


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers
                if key.lower() == name.lower()]

    def get(self, name):
        return ", ".join(self.all(name)) or None

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:200]!r}"


class Client:
    """A TLS connection to the proxy at (address, port) from address source."""

    def __init__(self, address, port, authority, source, name, sni=None,
                 least=None, most=None, timeout=20):
        self.name = name
        raw = socket.create_connection((address, port), timeout,
                                       (source, 0))
        made = ssl.create_default_context(cafile=str(authority))
        if least:
            made.minimum_version = least
        if most:
            made.maximum_version = most
        if sni is not None:
            made.check_hostname = False
        try:
            self.socket = made.wrap_socket(
                raw, server_hostname=name if sni is None else sni or None)
        except (OSError, ssl.SSLError):
            raw.close()
            raise
        self.stream = self.socket.makefile("rb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, method, target, headers=(), body=b"", host=None,
            wish=None):
        """One request; headers are pairs. wish is for the upstream."""
        lines = [f"{method} {target} HTTP/1.1",
                 f"Host: {self.name if host is None else host}"]
        lines += [f"{key}: {value}" for key, value in headers]
        if wish is not None:
            lines.append(f"X-Test-Answer: {json.dumps(wish)}")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines + ["", ""]).encode("latin-1") + body)
        return self.answer(method)

    def answer(self, method="GET"):
        """The next answer, or None if the connection ends first."""
        head = read_head(self.stream)
        if not head:
            return None
        status = int(head[0].split(" ")[1])
        headers = [tuple(part.strip() for part in line.split(":", 1))
                   for line in head[1:]]
        answer = Answer(status, headers, b"")
        if method == "HEAD" or status in (101, 204, 304):
            return answer
        if answer.get("Transfer-Encoding") == "chunked":
            answer.body = b"".join(chunk for _, chunk in self.chunks())
        elif answer.get("Content-Length") is not None:
            answer.body = self.stream.read(int(answer.get("Content-Length")))
        else:
            answer.body = self.stream.read()
        return answer

    def chunks(self):
        while True:
            size = int(self.stream.readline(), 16)
            data = self.stream.read(size)
            self.stream.readline()
            if not size:
                return
            yield time.monotonic(), data

    def upgrade(self, target, headers=(), method="GET"):
        """Opens a WebSocket; afterwards say() and hear()."""
        key = websocket.new_key()
        answer = self.ask(method, target, [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key),
            *headers])
        if answer and answer.status == 101:
            assert answer.get("Sec-WebSocket-Accept") == \
                websocket.accept(key)
        return answer

    def say(self, opcode, payload):
        self.send(websocket.frame(opcode, payload, True))

    def hear(self):
        return websocket.read(self.stream)
