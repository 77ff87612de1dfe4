"""A stand-in for turnpiked's control API, for what the real one never does:
answers that are cut, late, hostile or of another program."""

import os
import socket
import threading


class Control:
    """Answers each connection with `answer(request)`, bytes or None; None
    keeps the connection open without an answer."""

    def __init__(self, folder, answer):
        self.path = os.path.join(folder.path, "control.sock")
        self.requests = []
        self.answer = answer if callable(answer) else lambda _: answer
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            request = self.read(connection)
            if not request:
                # Only close() comes without asking for anything.
                connection.close()
                if self.path is None:
                    return
                continue
            self.requests.append(request)
            answer = self.answer(request)
            if answer is None:
                self.open.append(connection)
                continue
            try:
                connection.sendall(answer)
            except OSError:
                pass  # turnpikectl has read enough
            connection.close()

    @staticmethod
    def read(connection):
        text = b""
        while True:
            head, found, body = text.partition(b"\r\n\r\n")
            if found:
                lengths = [line.partition(b":")[2] for line in
                           head.lower().split(b"\r\n")
                           if line.startswith(b"content-length:")]
                if len(body) >= int(lengths[0]):
                    return text
            got = connection.recv(65536)
            if not got:
                return text
            text += got

    def close(self):
        path, self.path = self.path, None
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(path)
        self.thread.join()
        self.listener.close()
        for connection in self.open:
            connection.close()


def answer(body, status="200 OK", kind="application/json"):
    """An answer as turnpiked sends it."""
    body = body if isinstance(body, bytes) else body.encode()
    return (f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
