"""N16, N19: the drop-in for nginx.service, read by systemd's own tools."""

import ipaddress
import re
import shutil
import subprocess

import pytest

from stack import ROOT, UPSTREAMS, nginx_tree

pytestmark = pytest.mark.ours

# As Debian 12 ships it, as far as the drop-in depends on it.
UNIT = """[Unit]
Description=nginx
[Service]
Type=forking
PIDFile=/run/nginx.pid
ExecStartPre={nginx} -t -q
ExecStart={nginx}
ExecReload={nginx} -s reload
TimeoutStopSec=5
KillMode=mixed
[Install]
WantedBy=multi-user.target
"""

FORBIDDEN = ["169.254.169.254", "168.63.129.16", "127.0.0.1", "127.77.0.11",
             "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
             "100.64.0.1", "0.0.0.0", "198.18.0.1", "224.0.0.1",
             "255.255.255.255", "::1", "fc00::1", "fd00::1", "fe80::1",
             "::ffff:10.0.0.1", "64:ff9b::a00:1"]


@pytest.fixture(scope="module")
def dropin(stack):
    return (stack.root / "etc/systemd/system/nginx.service.d"
            / "turnpike-proxy.conf").read_text()


@pytest.fixture
def unit(tmp_path, dropin):
    """The unit and the drop-in as one file, which is how systemd reads them;
    a name of its own, so that none of the machine's is meant."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze")
    path = tmp_path / "proxy-test.service"
    text = UNIT.format(nginx=shutil.which("nginx"))
    settings = dropin.replace("/usr/sbin/nginx", shutil.which("nginx"))
    path.write_text(text.replace("[Install]", settings + "\n[Install]"))
    return path


def test_verify(unit):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
         unit], capture_output=True, text=True)
    said = [line for line in (done.stdout + done.stderr).splitlines()
            if unit.name in line]
    assert not said, said
    assert done.returncode == 0, done.stderr


def test_exposure(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
        capture_output=True, text=True)
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    print(found[0])
    assert float(found[1]) <= 2.0


def test_not_root(dropin):
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in dropin
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in dropin
    assert re.search(r"^User=\S+$", dropin, re.M)
    assert "NoNewPrivileges=yes\n" in dropin


@pytest.mark.parametrize("address", FORBIDDEN)
def test_address_filter(dropin, address):
    networks = [ipaddress.ip_network(word) for line in
                re.findall(r"^IPAddressDeny=(.*)$", dropin, re.M)
                for word in line.split()]
    one = ipaddress.ip_address(address)
    assert any(one in network for network in networks
               if network.version == one.version)
    # The only exception is the resolver.
    allowed = re.findall(r"^IPAddressAllow=(.*)$", dropin, re.M)
    assert allowed == ["127.0.0.1"]


def test_public_addresses_are_open(dropin):
    networks = [ipaddress.ip_network(word) for line in
                re.findall(r"^IPAddressDeny=(.*)$", dropin, re.M)
                for word in line.split()]
    for address in ("20.202.0.1", "52.112.0.1", "8.8.8.8", "2603:1063::1"):
        one = ipaddress.ip_address(address)
        assert not any(one in network for network in networks
                       if network.version == one.version)


def test_private_answer(stack):
    """An allowed name that leads to a stand-in for a private address: even
    without the address filter, which needs systemd, nothing is asked."""
    answer = stack.ask("GET", stack.path("private.skype.com", "/x"),
                       [("Authorization", "Bearer token")])
    assert answer.status == 502
    assert not stack.upstreams["private.skype.com"].requests
    assert "private.skype.com" in UPSTREAMS


def test_template_and_manual_name_the_same_files():
    manual = (ROOT / "man/turnpike-proxy-setup.8").read_text()
    setup = (ROOT / "deploy/nginx/turnpike-proxy-setup").read_text()
    options = set(re.findall(r"^  (--[a-z-]+)", setup, re.M))
    options |= {"--key", "--dry-run", "--undo", "--refused", "--status"}
    for option in options:
        assert option[2:].replace("-", r"\-") in manual or \
            option[2:] in manual, option
    for file in ("acs.list", "proxy.hosts", "proxy.origins"):
        assert file in manual


def test_tree_is_debians(tmp_path):
    """What the tests stand on is the packaged nginx.conf, if it is there."""
    etc = nginx_tree(tmp_path)
    assert "conf.d/*.conf" in (etc / "nginx.conf").read_text()
