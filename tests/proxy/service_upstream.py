"""Upstreams for service-inside: one on each address given, all with the one
good certificate, so that nothing but the address can be wrong. Writes each
connection's address to the file `accepts`."""

import pathlib
import sys
import threading

import upstream

HERE = pathlib.Path(__file__).parent


class Told(upstream.Upstream):
    def talk(self, connection):
        with open(HERE / "accepts", "a") as file:
            file.write(self.address + "\n")
        super().talk(connection)


context = upstream.context(HERE / "upstream.pem", HERE / "upstream.key")
for address in sys.argv[1:]:
    Told(address, 443, context)
threading.Event().wait()
