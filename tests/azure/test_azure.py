"""deploy/azure, judged without Azure: what the templates evaluate to, what
the virtual machine would be told, and whether turnpiked takes it.

Nothing here was tried in a subscription; doc/azure.md says the same.
"""

import base64
import ipaddress
import json
import os
import re
import shutil
import subprocess

import jsonschema
import pytest
import yaml

import arm
import bicep

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
AZURE = os.path.join(ROOT, "deploy", "azure")
TURNPIKED = os.path.abspath(os.environ.get(
    "TURNPIKED", os.path.join(ROOT, "build", "turnpiked")))

PASSWORD = 'a "long" \\ random one @USER@'
GIVEN = {
    "adminKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA you@example.com",
    "adminSource": "198.51.100.7/32",
    "realm": "turn.example.com",
    "userPassword": PASSWORD,
    "packageUrl": "https://example.blob.core.windows.net/p/turnpike.deb?"
                  "sig=a%2Bb&x='$(reboot)'",
    "packageSha256": "AB" * 32,
}
NETWORK = "Microsoft.Network/"
# Every way in which what is made can differ.
VARIANTS = [{}, {"acsOnly": False}, {"zoneRedundant": False},
            {"image": "ubuntu-22.04"}, {"image": "ubuntu-24.04"},
            {"relayFirstPort": 60000}, {"adminSource": "*"},
            {"name": "edge-1", "userName": "alice", "adminName": "me",
             "location": "northeurope", "size": "Standard_D4s_v5"}]


def load(name):
    with open(os.path.join(AZURE, name)) as source:
        return json.load(source)


def read(name):
    with open(os.path.join(AZURE, name)) as source:
        return source.read()


def template(**changes):
    return arm.Template(load("azuredeploy.json"), dict(GIVEN, **changes))


def resource(made, kind):
    found = [r for r in made.resources if r["type"].endswith(kind)]
    assert len(found) == 1
    return found[0]


def rules(made):
    found = resource(made, "/networkSecurityGroups")["properties"]
    return [dict(rule["properties"], name=rule["name"])
            for rule in found["securityRules"]]


def custom_data(made):
    machine = resource(made, "/virtualMachines")["properties"]
    return base64.b64decode(machine["osProfile"]["customData"], validate=True)


def files(made):
    """{path: text} of what cloud-init writes."""
    found = {}
    for item in yaml.safe_load(custom_data(made))["write_files"]:
        assert item["path"] not in found
        found[item["path"]] = (
            base64.b64decode(item["content"], validate=True).decode()
            if item.get("encoding") == "b64" else item["content"])
    return found


SETUP = "/var/lib/turnpike-setup/"


# The template.

@pytest.mark.parametrize("changes", VARIANTS)
def test_resources_have_the_members_that_they_may(changes):
    with open(os.path.join(HERE, "schema.json")) as source:
        schema = json.load(source)
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(template(**changes).resources)


def test_the_schema_notices():
    """... what it is there for."""
    with open(os.path.join(HERE, "schema.json")) as source:
        validator = jsonschema.Draft7Validator(json.load(source))

    def spoilt(kind, spoil):
        made = template().resources
        spoil(next(r for r in made if r["type"].endswith(kind)))
        return not validator.is_valid(made)

    assert spoilt("/publicIPAddresses", lambda r: r["sku"].update(
        name="Basic"))
    assert spoilt("/publicIPAddresses", lambda r: r["properties"].update(
        publicIPAllocationMethod="Dynamic"))
    assert spoilt("/networkInterfaces", lambda r: r["properties"].update(
        enableAcceleratedNetworking=False))
    assert spoilt("/networkInterfaces", lambda r: r["properties"].pop(
        "networkSecurityGroup"))
    assert spoilt("/virtualMachines", lambda r: r.update(
        identity={"type": "SystemAssigned"}))
    assert spoilt("/virtualMachines", lambda r: r["properties"].update(
        userData="IA=="))
    assert spoilt("/virtualMachines",
                  lambda r: r["properties"]["osProfile"].update(
                      adminPassword="x"))
    assert spoilt("/networkSecurityGroups",
                  lambda r: r["properties"]["securityRules"][0][
                      "properties"].update(destinationPort="3478"))


def test_every_parameter_and_variable_is_used():
    source = load("azuredeploy.json")
    text = json.dumps(source)
    for name in source["parameters"]:
        assert f"parameters('{name}')" in text, name
    for name in source["variables"]:
        assert f"variables('{name}')" in text, name
    for kind in ("parameters", "variables"):
        used = set(re.findall(rf"{kind}\('(\w+)'\)", text))
        assert used <= set(source[kind]), used - set(source[kind])


def test_parts_come_before_what_needs_them():
    """A resource depends on every other one whose id or state it names."""
    source = load("azuredeploy.json")
    for part in source["resources"]:
        text = json.dumps({k: v for k, v in part.items() if k != "dependsOn"})
        named = {"[" + call + "]" for call in re.findall(
            r"resourceId\('[\w./]+', variables\('\w+'\)\)", text)}
        inner = {call for call in re.findall(
            r"resourceId\('([\w.]+/\w+)/\w+', (variables\('\w+'\)), ", text)}
        named |= {f"[resourceId('{kind}', {name})]" for kind, name in inner}
        assert named == set(part.get("dependsOn", [])), part["type"]


def test_secrets_are_secure_and_not_told():
    source = load("azuredeploy.json")
    secure = {name for name, declared in source["parameters"].items()
              if declared["type"] == "secureString"}
    assert secure == {"userPassword", "packageUrl"}
    for name in secure:
        assert "defaultValue" not in source["parameters"][name]
    for output in source["outputs"].values():
        assert output["type"] == "string"
        for name in secure:
            assert name not in output["value"]
    outputs = json.dumps(template().outputs)
    assert PASSWORD not in outputs and "sig=" not in outputs


def test_outputs():
    assert template().outputs == {
        "publicAddress": arm.ADDRESS,
        "turnUri": f"turn:{arm.ADDRESS}:3478",
        "ssh": f"ssh turnpikeadmin@{arm.ADDRESS}",
    }


def test_the_example_parameters_are_parameters():
    declared = load("azuredeploy.json")["parameters"]
    given = load("azuredeploy.parameters.json")["parameters"]
    assert set(given) <= set(declared)
    needed = {name for name, d in declared.items() if "defaultValue" not in d}
    secure = {name for name, d in declared.items()
              if d["type"] == "secureString"}
    # What is secret is asked for, not kept in a file.
    assert set(given) >= needed - secure
    assert not set(given) & secure


# The network.

def test_what_is_let_in():
    inbound = [r for r in rules(template()) if r["direction"] == "Inbound"]
    assert [(r["access"], r["protocol"], r["sourceAddressPrefix"],
             r["destinationPortRange"]) for r in inbound] == [
        ("Allow", "Udp", "*", "3478"),
        ("Allow", "Udp", "*", "49152-65535"),
        ("Allow", "Tcp", "198.51.100.7/32", "22"),
        ("Deny", "*", "*", "*"),
    ]


@pytest.mark.parametrize("first", [1024, 49152, 60000])
def test_the_relay_range_is_that_of_the_configuration(first):
    made = template(relayFirstPort=first)
    relay = next(r for r in rules(made) if r["name"] == "relay")
    assert relay["destinationPortRange"] == f"{first}-65535"
    assert f"ports = [ {first}, 65535 ];" in files(made)[
        SETUP + "turnpike.conf"]


def test_ssh_has_no_default_source():
    assert "defaultValue" not in load("azuredeploy.json")["parameters"][
        "adminSource"]


@pytest.mark.parametrize("everywhere", ["*", "0.0.0.0/0", "Internet", "Any",
                                        "::/0"])
def test_ssh_is_never_open_to_all(everywhere):
    ssh = next(r for r in rules(template(adminSource=everywhere))
               if r["name"] == "ssh")
    assert ssh["sourceAddressPrefix"] == "127.0.0.1/32"


@pytest.mark.parametrize("acs_only", [True, False])
def test_rules_are_in_order(acs_only):
    found = rules(template(acsOnly=acs_only))
    assert len({r["name"] for r in found}) == len(found)
    for direction in ("Inbound", "Outbound"):
        priorities = [r["priority"] for r in found
                      if r["direction"] == direction]
        assert priorities == sorted(set(priorities))


def outbound(made):
    return [(r["access"], r["protocol"], r["destinationAddressPrefix"])
            for r in rules(made) if r["direction"] == "Outbound"]


def test_only_acs_is_let_out_to():
    assert outbound(template()) == [
        ("Allow", "Udp", "20.202.0.0/16"), ("Allow", "Tcp", "Internet"),
        ("Deny", "*", "*")]
    # The same as the server's own rules have.
    with open(os.path.join(ROOT, "etc", "acs.list")) as acs:
        media = re.findall(r"(?m)^media commercial (\S+)", acs.read())
    assert media == ["20.202.0.0/16"]


def test_the_virtual_network_is_never_let_out_to():
    assert outbound(template(acsOnly=False)) == [
        ("Deny", "*", "VirtualNetwork")]


def test_no_udp_leaves_to_all():
    """Whatever else: what is relayed is UDP."""
    for rule in rules(template()):
        if rule["direction"] == "Outbound" and rule["access"] == "Allow" \
                and rule["protocol"] != "Tcp":
            prefix = ipaddress.ip_network(rule["destinationAddressPrefix"])
            assert prefix.prefixlen >= 16


# The first boot.

def test_embedded_files_are_the_files():
    """WRITE_TEMPLATE=1 puts them in after a change."""
    path = os.path.join(AZURE, "azuredeploy.json")
    source = load("azuredeploy.json")
    if os.environ.get("WRITE_TEMPLATE") == "1":
        source["variables"]["cloudInit"] = read("cloud-init.yaml")
        source["variables"]["conf"] = read("turnpike.conf")
        with open(path, "w") as out:
            json.dump(source, out, indent=2, ensure_ascii=False)
            out.write("\n")
    assert source["variables"]["cloudInit"] == read("cloud-init.yaml")
    assert source["variables"]["conf"] == read("turnpike.conf")


@pytest.mark.parametrize("changes", VARIANTS)
def test_every_word_is_replaced(changes):
    made = template(**changes)
    assert b"@CONF@" not in custom_data(made)
    assert b"@PACKAGE@" not in custom_data(made)
    conf = files(made)[SETUP + "turnpike.conf"]
    assert re.findall(r"@[A-Z_]+@", conf) == ["@USER@"]  # of the password


def test_custom_data_is_small_enough():
    """64 KiB in Base64; a longest password and URL are no more than 4."""
    made = template(packageUrl="https://" + "x" * 2000,
                    userPassword="x" * 256, realm="x" * 127)
    machine = resource(made, "/virtualMachines")["properties"]
    assert len(machine["osProfile"]["customData"]) < 65535


def test_top_level_keys_are_known(tmp_path):
    """cloud-init passes over a misspelt one."""
    assert set(yaml.safe_load(custom_data(template()))) == {
        "package_update", "packages", "write_files", "runcmd"}
    assert custom_data(template()).startswith(b"#cloud-config\n")


def schema_of_cloud_init(path):
    return subprocess.run(["cloud-init", "schema", "--config-file", path],
                          capture_output=True, text=True)


needs_cloud_init = pytest.mark.skipif(
    not shutil.which("cloud-init"), reason="cloud-init: ./bootstrap check")


@needs_cloud_init
@pytest.mark.parametrize("changes", [VARIANTS[0], VARIANTS[-1]])
def test_cloud_init_takes_it(tmp_path, changes):
    path = tmp_path / "cloud-init.yaml"
    path.write_bytes(custom_data(template(**changes)))
    done = schema_of_cloud_init(path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_cloud_init
def test_cloud_init_would_not_take_all(tmp_path):
    path = tmp_path / "cloud-init.yaml"
    path.write_text(read("cloud-init.yaml").replace("permissions:",
                                                    "permission:"))
    assert schema_of_cloud_init(path).returncode != 0


def test_files_of_the_first_boot_are_roots():
    found = yaml.safe_load(custom_data(template()))["write_files"]
    for item in found:
        assert item["owner"] == "root:root"
        assert item["permissions"] in ("0600", "0700")
        assert item["path"].startswith(SETUP)


def test_the_package_is_given_as_data():
    url, sha256 = files(template())[SETUP + "package"].splitlines()
    assert url == GIVEN["packageUrl"]
    assert sha256 == GIVEN["packageSha256"].lower()
    # Nothing but Base64 is put into YAML or shell.
    assert b"reboot" not in custom_data(template())


def test_the_script_is_a_script(tmp_path):
    path = tmp_path / "setup"
    path.write_text(files(template())[SETUP + "setup"])
    subprocess.run(["sh", "-n", path], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", path], check=True)


class Machine:
    """The script with programs that write down how they were called."""

    def __init__(self, folder):
        self.folder = folder
        self.here = folder / "setup"
        self.bin = folder / "bin"
        self.calls = folder / "calls"
        self.bin.mkdir()
        self.here.mkdir()
        self.calls.write_text("")
        for name in ("apt-get", "install", "turnpiked", "systemctl"):
            self.program(name, "")
        self.program("curl", 'while [ "$1" != --output ]; do shift; done; '
                     'printf package >"$2"')

    def program(self, name, does):
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.calls}\n{does}')
        path.chmod(0o755)

    def run(self, **changes):
        for path, text in files(template(**changes)).items():
            name = os.path.basename(path)
            (self.here / name).write_text(text.replace(
                SETUP.rstrip("/"), str(self.here)))
        return subprocess.run(
            ["sh", self.here / "setup"], capture_output=True, text=True,
            env=dict(os.environ, PATH=f"{self.bin}:{os.environ['PATH']}"))

    @property
    def called(self):
        return [line.split()[0] for line in
                self.calls.read_text().splitlines()]


PACKAGE_SHA256 = \
    "bc4a71180870f7945155fbb02f4b0a2e3faa2a62d6d31b7039013055ed19869a"


def test_the_script_does_all_in_order(tmp_path):
    machine = Machine(tmp_path)
    done = machine.run(packageSha256=PACKAGE_SHA256.upper())
    assert done.returncode == 0, done.stderr
    assert machine.called == ["curl", "apt-get", "install", "turnpiked",
                              "systemctl"]
    calls = machine.calls.read_text()
    assert GIVEN["packageUrl"] in calls.splitlines()[0]
    assert "--proto =https" in calls
    assert "install -o root -g turnpike -m 640" in calls
    assert "systemctl enable --now turnpiked" in calls
    # Nothing with a password in it stays.
    assert not machine.here.exists()


def test_another_package_is_not_installed(tmp_path):
    machine = Machine(tmp_path)
    done = machine.run()
    assert done.returncode == 1
    assert "another SHA-256" in done.stderr
    assert machine.called == ["curl"]


@pytest.mark.parametrize("fails", ["curl", "apt-get", "turnpiked"])
def test_what_fails_stops_it(tmp_path, fails):
    machine = Machine(tmp_path)
    machine.program(fails, "exit 7")
    assert machine.run(packageSha256=PACKAGE_SHA256).returncode != 0
    assert machine.called[-1] == fails
    assert (machine.here / "turnpike.conf").exists()


needs_turnpiked = pytest.mark.skipif(
    not os.access(TURNPIKED, os.X_OK), reason="turnpiked: make")


@needs_turnpiked
@pytest.mark.parametrize("changes", VARIANTS)
def test_turnpiked_takes_the_configuration(tmp_path, changes):
    """On a machine with one private address, as it will be there."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    conf = files(template(**changes))[SETUP + "turnpike.conf"]
    path = tmp_path / "turnpike.conf"
    # The list of the package, which is not installed here.
    path.write_text(conf.replace(
        "peers = {", f'peers = {{ acs_file = "{ROOT}/etc/acs.list";'))
    path.chmod(0o640)
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec",
         "ip link add v0 type veth peer name v1; "
         "ip address add 10.0.0.4/24 dev v0; ip link set v0 up; "
         'exec "$0" --check -c "$1"', TURNPIKED, path],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for wanted in (f'advertise = "{arm.ADDRESS}"', 'address = "10.0.0.4"',
                   'realm = "turn.example.com"'):
        assert wanted in done.stdout
    preset = "public" if changes.get("acsOnly") is False else "acs"
    assert f'preset = "{preset}"' in done.stdout


@needs_turnpiked
def test_the_password_is_the_one_that_was_given(tmp_path):
    """Whatever is in it: its keys are those of the plain text."""
    conf = files(template())[SETUP + "turnpike.conf"]
    found = re.search(r'password = "((?:[^"\\]|\\.)*)";', conf)[1]
    assert re.sub(r"\\(.)", r"\1", found) == PASSWORD


# Bicep.

def test_bicep_says_that_it_was_not_compiled():
    head = read("main.bicep").split("\n\n")[0]
    assert "not compiled" in head and "az bicep build" in head


@pytest.mark.parametrize("changes", VARIANTS)
def test_bicep_is_the_same(changes):
    given = dict(GIVEN, **changes)
    one = arm.Template(load("azuredeploy.json"), given)
    other = bicep.Template(os.path.join(AZURE, "main.bicep"), given)
    assert other.resources == one.resources
    assert other.outputs == one.outputs
    source = one.source["parameters"]
    assert list(other.parameters) == list(source)
    assert other.parameters == {
        name: one.evaluate(declared) for name, declared in source.items()}
    assert set(other.values) == set(source) | set(one.source["variables"])
