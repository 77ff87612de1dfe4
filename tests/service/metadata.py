"""metadata.py ADDRESS PRIVATE PUBLIC: a stand-in for Azure's metadata service,
which says that an interface with the private address has the public one.
Writes each path that is asked for to the file `asked`."""

import http.server
import json
import pathlib
import sys

ADDRESS, PRIVATE, PUBLIC = sys.argv[1:]
ASKED = pathlib.Path(__file__).parent / "asked"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with ASKED.open("a") as asked:
            print(self.path, file=asked)
        known = self.path.startswith("/metadata/instance/network/interface?")
        body = json.dumps([{"ipv4": {"ipAddress": [{
            "privateIpAddress": PRIVATE, "publicIpAddress": PUBLIC}]}}])
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


http.server.HTTPServer((ADDRESS, 80), Handler).serve_forever()
