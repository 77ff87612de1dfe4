"""An upstream of our own: an HTTP/1.1 server over TLS (or not) that counts
who connects, keeps what it was asked, and answers as the request wishes:

  X-Test-Answer: JSON {"status", "headers", "body", "times", "chunks", "pause"}

or by wish=JSON in the query, where a header would need a preflight. The body,
and each header's value, comes `times` times (for large ones).
Without one it answers 200 and what it was asked, as JSON. A WebSocket gets
its messages back."""

import json
import socket
import ssl
import threading
import time
import urllib.parse

import websocket


class Request:
    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body

    def all(self, name):
        return [value for key, value in self.headers
                if key.lower() == name.lower()]

    def get(self, name):
        return ", ".join(self.all(name)) or None


def read_head(stream):
    lines = []
    while True:
        line = stream.readline()
        if not line:
            return None
        line = line.rstrip(b"\r\n").decode("latin-1")
        if not line:
            return lines
        lines.append(line)


def read_body(stream, headers, when=lambda size: None):
    found = {key.lower(): value for key, value in headers}
    if "chunked" in found.get("transfer-encoding", ""):
        whole = b""
        while True:
            size = int(stream.readline().split(b";")[0], 16)
            whole += stream.read(size)
            stream.readline()
            when(len(whole))
            if not size:
                return whole
    return stream.read(int(found.get("content-length", 0)))


class Upstream:
    """Upstream(address, port, context): context None speaks plain http. With
    silent=True it accepts and says nothing."""

    def __init__(self, address, port, context=None, silent=False):
        self.address = address
        self.context = context
        self.silent = silent
        self.accepts = 0
        self.requests = []
        self.uploads = []
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(64)
        self.open = set()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.accepts += 1
            threading.Thread(target=self.talk, args=(connection,),
                             daemon=True).start()

    def stop(self):
        self.socket.close()
        for connection in list(self.open):
            connection.close()

    def talk(self, connection):
        self.open.add(connection)
        try:
            connection.settimeout(200)
            if self.silent:
                connection.recv(1)
                time.sleep(30)
                return
            if not self.context and \
                    connection.recv(1, socket.MSG_PEEK) == b"\x16":
                # TLS, here? As any server of plain http says.
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            if self.context:
                connection = self.context.wrap_socket(
                    connection, server_side=True)
            stream = connection.makefile("rwb")
            while self.one(stream):
                pass
        except (OSError, ValueError, ssl.SSLError):
            pass
        finally:
            self.open.discard(connection)
            connection.close()

    def one(self, stream):
        head = read_head(stream)
        if not head:
            return False
        method, target, _ = head[0].split(" ", 2)
        headers = [tuple(part.strip() for part in line.split(":", 1))
                   for line in head[1:]]
        request = Request(method, target, headers, b"")
        self.requests.append(request)
        if (request.get("Upgrade") or "").lower() == "websocket":
            self.talk_websocket(stream, request)
            return False
        request.body = read_body(
            stream, headers, lambda size: self.uploads.append(
                (time.monotonic(), size)))
        query = urllib.parse.parse_qs(target.partition("?")[2])
        wish = json.loads(request.get("X-Test-Answer")
                          or query.get("wish", ["{}"])[0])
        self.answer(stream, request, wish)
        return (request.get("Connection") or "").lower() != "close"

    def answer(self, stream, request, wish):
        status = wish.get("status", 200)
        times = wish.get("times", 1)
        headers = [(key, value * times)
                   for key, value in wish.get("headers", [])]
        body = wish.get("body")
        if body is None:
            body = json.dumps({
                "method": request.method, "target": request.target,
                "headers": request.headers,
                "body": request.body.decode("latin-1")})
            headers.append(("Content-Type", "application/json"))
        body = body.encode() * times
        chunks = wish.get("chunks")
        out = [f"HTTP/1.1 {status} Test"]
        out += [f"{key}: {value}" for key, value in headers]
        if chunks:
            out.append("Transfer-Encoding: chunked")
        elif status != 204:
            out.append(f"Content-Length: {len(body)}")
        stream.write("\r\n".join(out + ["", ""]).encode("latin-1"))
        stream.flush()
        for chunk in chunks or []:
            stream.write(f"{len(chunk):x}\r\n{chunk}\r\n".encode())
            stream.flush()
            time.sleep(wish.get("pause", 0))
        if chunks:
            stream.write(b"0\r\n\r\n")
        elif request.method != "HEAD" and status != 204:
            stream.write(body)
        stream.flush()

    def talk_websocket(self, stream, request):
        answer = websocket.accept(request.get("Sec-WebSocket-Key") or "")
        stream.write((
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {answer}\r\n\r\n").encode())
        stream.flush()
        while True:
            message = websocket.read(stream)
            if not message:
                return
            opcode, payload = message
            if opcode == websocket.PING:
                opcode = websocket.PONG
            stream.write(websocket.frame(opcode, payload, False))
            stream.flush()
            if opcode == websocket.CLOSE:
                return


def context(certificate, key, least=ssl.TLSVersion.TLSv1_2,
            most=ssl.TLSVersion.TLSv1_3):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = least
    made.maximum_version = most
    made.load_cert_chain(certificate, key)
    return made
