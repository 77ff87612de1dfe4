"""Debian's coturn: its client as one of ours, its server as a yardstick.

TURN_SERVER=coturn runs the tests that are not marked `turnpike` against
coturn's server: that shows that our own client and pages are right before
they judge turnpiked. COTURN_DIR names a tree into which the package coturn
(with the libraries it needs) was unpacked; else programs come from PATH and
build/tools.
"""

import os
import shutil

import daemon

TREES = [os.environ.get("COTURN_DIR", ""),
         os.path.join(daemon.ROOT, "build", "tools"),
         os.path.join(daemon.ROOT, "build", "tools", "coturn")]


def find(program):
    """(path, environment to add), or None."""
    for tree in filter(None, TREES):
        for folder in ("usr/bin", "bin"):
            path = os.path.join(tree, folder, program)
            if os.access(path, os.X_OK):
                return path, libraries(tree)
    path = shutil.which(program)
    return (path, {}) if path else None


def libraries(tree):
    lib = os.path.join(tree, "usr", "lib")
    if not os.path.isdir(lib):
        return {}
    folders = [lib] + [os.path.join(lib, f) for f in os.listdir(lib)
                       if f.endswith("-linux-gnu")]
    return {"LD_LIBRARY_PATH": ":".join(folders)}


def command(program, folder, config):
    """turnserver with what it understands of our configuration."""
    first = config["listen"][0]
    relay = config["relay"]
    address = relay["address"]
    line = [program, "-n", "--lt-cred-mech", "--no-cli", "--no-tls",
            "--no-dtls", "--no-tcp-relay", "--allow-loopback-peers",
            "--no-rfc5780", "--log-file=stdout", "--simple-log",
            "--listening-ip=" + first["address"],
            f"--listening-port={first['port']}",
            "--relay-ip=" + address,
            f"--min-port={relay['ports'][0]}",
            f"--max-port={relay['ports'][1]}",
            "--realm=" + config["realm"],
            f"--userdb={folder.path}/turndb",
            f"--pidfile={folder.path}/coturn.pid"]
    if "advertise" in relay:
        line.append(f"--external-ip={relay['advertise']}/{address}")
    for user in config["users"]:
        secret = user.get("password") or "0x" + user["key_md5"]
        line.append(f"--user={user['name']}:{secret}")
    return line


def server(folder, config, **how):
    found = find("turnserver")
    assert found, "coturn's turnserver is not there: set COTURN_DIR"
    path, env = found
    how["env"] = {**env, **(how.get("env") or {})}
    return daemon.Server(folder, command(path, folder, config), config, **how)
