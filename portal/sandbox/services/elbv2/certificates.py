"""The certificates of encrypted listeners: the imported one, or one that the sandbox signs itself."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from ministack.services import acm

from portal.sandbox.services.elbv2.forwarding import Listener

LIFETIME = datetime.timedelta(days=825)


def pem(listener: Listener) -> bytes:
    """Tell the private key and the certificates of a listener, as one PEM text.

    A certificate that ACM only has the name of has no key here: then the sandbox's own for the address.
    """
    scope, _arn = listener.key
    with scope.entered():
        record = acm._certificates.get(listener.certificate) or {}
    parts = [record.get(name) for name in ("_private_key", "_pem_body", "_pem_chain")]
    if parts[0] and parts[1]:
        texts = [part.encode() if isinstance(part, str) else bytes(part) for part in parts if part]
        return b"\n".join(text.strip() for text in texts) + b"\n"
    return _own(listener.address.host, record.get("DomainName", ""))


def context(text: bytes, folder: Path) -> ssl.SSLContext:
    """Make a server's TLS of a PEM text."""
    path = folder / "certificate.pem"
    path.touch(mode=0o600)
    path.write_bytes(text)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(path)
    path.unlink()
    return made


def _own(host: str, domain: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, (domain or host)[:64])])
    names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(host)), x509.DNSName("localhost")]
    if domain:
        names.append(x509.DNSName(domain))
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)
