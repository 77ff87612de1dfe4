"""A certificate authority of our own, and certificates good and bad."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def write(path, *blobs):
    path.write_bytes(b"".join(blobs))
    path.chmod(0o600)
    return path


def pem(thing):
    if hasattr(thing, "public_bytes"):
        return thing.public_bytes(serialization.Encoding.PEM)
    return thing.private_bytes(serialization.Encoding.PEM,
                               serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())


def subject(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """Authority(folder, name): `file` is its certificate in PEM."""

    def __init__(self, folder, name):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject(name)).issuer_name(subject(name))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY).not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(True, None), True)
            .sign(self.key, hashes.SHA256()))
        self.file = write(folder / f"{name}.pem", pem(self.certificate))

    def issue(self, label, names, expired=False, self_signed=False):
        """A certificate for names: the paths of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.utcnow()
        begin, end = (now - 9 * DAY, now - DAY) if expired \
            else (now - DAY, now + 30 * DAY)
        issuer = subject(names[0]) if self_signed else \
            self.certificate.subject
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject(names[0])).issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin).not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(
                [alternative(name) for name in names]), False)
            .add_extension(x509.BasicConstraints(False, None), True)
            .sign(key if self_signed else self.key, hashes.SHA256()))
        return (write(self.folder / f"{label}.pem", pem(certificate)),
                write(self.folder / f"{label}.key", pem(key)))
