"""N10: TLS with clients."""

import ssl
import subprocess

import pytest

from stack import NAME, PROXY_ADDRESS


def s_client(stack, *options):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{PROXY_ADDRESS}:{stack.port}",
         "-CAfile", str(stack.authority.file), *options],
        input="", capture_output=True, text=True, timeout=20)
    return done.stdout + done.stderr


@pytest.mark.parametrize("version,name", [
    ("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_version_is_spoken(stack, version, name):
    text = s_client(stack, version, "-servername", NAME)
    assert f"New, {name}, Cipher is" in text, text
    assert "Verification: OK" in text


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1,
                                     ssl.TLSVersion.TLSv1_1])
def test_old_version_is_refused(stack, version):
    text = s_client(stack, {ssl.TLSVersion.TLSv1: "-tls1"}.get(
        version, "-tls1_1"), "-cipher", "ALL:@SECLEVEL=0",
        "-servername", NAME)
    assert "Cipher is (NONE)" in text or "alert" in text, text


@pytest.mark.parametrize("cipher", [
    "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
def test_old_cipher_is_refused(stack, cipher):
    text = s_client(stack, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0",
                    "-servername", NAME)
    assert "Cipher is (NONE)" in text, text


def test_no_session_tickets(stack):
    text = s_client(stack, "-tls1_2", "-servername", NAME)
    assert "TLS session ticket:" not in text
    assert "New, TLSv1.2" in text


@pytest.mark.parametrize("name", ["", "other.example.org", "good.skype.com"])
def test_unknown_name_is_turned_away(stack, name):
    """In the handshake: not even a certificate is shown."""
    with pytest.raises((ssl.SSLError, OSError)):
        stack.client(sni=name).close()


@pytest.mark.ours
def test_hsts_is_off_by_default(stack):
    assert stack.ask("GET", "/").get("Strict-Transport-Security") is None


def test_says_little_about_itself(stack):
    answer = stack.ask("GET", "/")
    assert answer.status == 403
    assert answer.get("Server") == "nginx"
    assert b"nginx/" not in answer.body
