"""A page in headless Chromium that speaks through the proxy as the Web SDK
does: from an origin that is listed, and from one that is not."""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from stack import HERE, NAME, PROXY_ADDRESS, ROOT

pytestmark = pytest.mark.ours

OTHER = "second.teams.microsoft.com"


def chromium():
    for file in (os.environ.get("CHROMIUM"), shutil.which("chromium"),
                 shutil.which("google-chrome")):
        if file and pathlib.Path(file).exists():
            return file
    return None


def spki(certificate):
    key = x509.load_pem_x509_certificate(
        certificate.read_bytes()).public_key()
    return base64.b64encode(hashlib.sha256(key.public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)).digest()).decode()


@pytest.fixture(scope="module")
def found(stack):
    modules = ROOT / "tests/browser/node_modules/playwright-core"
    if not chromium() or not modules.exists():
        pytest.skip("Chromium and playwright-core: ./bootstrap check")
    own = f"https://{NAME}:{stack.port}"
    given = {
        "chromium": chromium(), "name": NAME, "address": PROXY_ADDRESS,
        "pagePort": stack.page_port, "spki": spki(stack.own[0]),
        "urls": {"base": f"{own}/good.skype.com", "other": OTHER,
                 "refused": f"{own}/evil.example.com/x",
                 "broken": f"{own}/self-signed.skype.com/x"}}
    done = subprocess.run(
        ["node", HERE / "browser.mjs"], capture_output=True, text=True,
        timeout=100, env=dict(os.environ, PROXY_TEST=json.dumps(given)))
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_requests(found, stack):
    listed = found["listed"]
    echo = json.loads(listed["get"]["body"])
    assert listed["get"]["status"] == 200
    assert echo["target"] == "/v1/users?x=%2F"
    headers = {key.lower(): value for key, value in echo["headers"]}
    assert headers["authorization"] == "Bearer token"
    assert headers["host"] == "good.skype.com"
    for method in ("post", "put", "patch", "delete"):
        assert listed[method]["status"] == 200, listed[method]
        echo = json.loads(listed[method]["body"])
        assert (echo["method"], echo["body"]) == (method.upper(), "body")
    assert listed["stream"]["body"] == "onetwothree"


def test_errors_are_readable(found):
    listed = found["listed"]
    assert (listed["error"]["status"], listed["error"]["body"]) == \
        (400, '{"code": 7}')
    assert listed["refused"]["status"] == 403
    assert listed["broken"]["status"] == 502


def test_redirect_stays_on_the_proxy(found, stack):
    went = found["listed"]["redirect"]
    assert went["status"] == 200 and went["redirected"]
    assert went["url"] == f"https://{NAME}:{stack.port}/{OTHER}/new?y=1"
    assert json.loads(went["body"])["target"] == "/new?y=1"
    went = found["listed"]["redirectWithToken"]
    assert went["status"] == 200 and went["redirected"]
    echo = json.loads(went["body"])
    assert (echo["method"], echo["body"]) == ("POST", "body")


def test_redirect_away_is_refused_by_the_proxy(found, stack):
    went = found["listed"]["redirectAway"]
    assert went["status"] == 403
    assert went["url"] == \
        f"https://{NAME}:{stack.port}/evil.example.com/new"


@pytest.mark.parametrize("who", ["listed", "unlisted"])
def test_websocket(found, who):
    """WebSockets know no CORS: upstream judges the Origin."""
    socket = found[who]["socket"]
    assert socket == {"messages": ["hello"], "same": True, "code": 4001,
                      "reason": "done", "wasClean": True}
    assert found[who]["refusedSocket"] == 1006


def test_unlisted_page_reads_nothing(found):
    for name in ("get", "post", "error", "redirect", "refused", "broken"):
        assert "error" in found["unlisted"][name], name
