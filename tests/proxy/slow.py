"""What takes long, in threads that begin with the session: by the time the
other tests are done most of this is, too."""

import socket
import threading
import time

import websocket
from stack import PROXY_ADDRESS

IDLE_S = 90
GIVE_UP_S = 75


class Slow:
    def __init__(self, stack):
        self.stack = stack
        self.threads = {}
        self.results = {}
        self.stopped = threading.Event()
        for task in (self.idle_websocket, self.header_dribble,
                     self.silent_client, self.body_stall):
            thread = threading.Thread(target=self.do, args=(task,),
                                      daemon=True)
            self.threads[task.__name__] = thread
            thread.start()

    def do(self, task):
        try:
            self.results[task.__name__] = task()
        except Exception as error:  # judged by the test that asks
            self.results[task.__name__] = error

    def result(self, name):
        self.threads[name].join(IDLE_S + 30)
        result = self.results[name]
        if isinstance(result, Exception):
            raise result
        return result

    def stop(self):
        self.stopped.set()
        for thread in self.threads.values():
            thread.join(30)

    def pause(self, seconds):
        return self.stopped.wait(seconds)

    def idle_websocket(self):
        """Seconds that a WebSocket stays up in silence, at most IDLE_S, and
        what it then still answers."""
        with self.stack.client(timeout=IDLE_S + 20) as client:
            answer = client.upgrade(
                self.stack.path("slow.skype.com", "/idle"))
            assert answer.status == 101, answer
            client.say(websocket.TEXT, b"before")
            assert client.hear() == (websocket.TEXT, b"before")
            begin = time.monotonic()
            client.socket.settimeout(IDLE_S)
            try:
                message = client.hear()
                return time.monotonic() - begin, message
            except TimeoutError:
                pass
        # The reader is spoilt by the time-out: what follows is read raw.
            client.socket.settimeout(10)
            client.say(websocket.TEXT, b"after")
            data = client.socket.recv(100)
            return time.monotonic() - begin, data

    def until_closed(self, client, feed):
        """Seconds until the proxy ends a connection that is fed now and
        then."""
        begin = time.monotonic()
        client.settimeout(0.5)
        while time.monotonic() - begin < GIVE_UP_S \
                and not self.stopped.is_set():
            try:
                client.sendall(feed)
                if not client.recv(4096):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return time.monotonic() - begin

    def header_dribble(self):
        with self.stack.client() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: proxy.example.org\r\nX: ")
            return self.until_closed(client.socket, b"x")

    def silent_client(self):
        """Says nothing at all, not even hello."""
        with socket.create_connection(
                (PROXY_ADDRESS, self.stack.port), 5,
                (self.stack.source(), 0)) as raw:
            return self.until_closed(raw, b"")

    def body_stall(self):
        with self.stack.client() as client:
            path = self.stack.path("slow.skype.com", "/stall")
            client.send(f"POST {path} HTTP/1.1\r\nHost: proxy.example.org\r\n"
                        "Content-Length: 100\r\n\r\nbegin".encode())
            return self.until_closed(client.socket, b"")
