"""Certificates: self-signed ones for load balancers, and those of databases, signed by an authority."""

import datetime
import functools
import ipaddress
import threading
from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = datetime.timedelta(days=825)


_one_at_a_time = threading.Lock()


class Authority:
    """The substitute for RDS's certificate authorities, which sign the certificates of its databases.

    `pem` is its certificate, which machines and functions in the sandbox trust.
    """

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("Sanso sandbox RDS root CA")
        builder = _builder(self._name, self._key).issuer_name(self._name)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self._certificate = builder.add_extension(identifier, critical=False).sign(self._key, hashes.SHA256())
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, addresses: Iterable[str], name: str) -> tuple[bytes, bytes]:
        """Return a new private key and a certificate for some addresses, each as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), key).issuer_name(self._name)
        builder = builder.add_extension(_alternatives(addresses), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = builder.add_extension(issuer, critical=False).sign(self._key, hashes.SHA256())
        return _private(key), certificate.public_bytes(serialization.Encoding.PEM)


@functools.cache
def _authority() -> Authority:
    return Authority()


def authority() -> Authority:
    """Return the authority of this sandbox, which is created by the first call."""
    with _one_at_a_time:
        return _authority()


def self_signed(addresses: Iterable[str], name: str, *domains: str) -> bytes:
    """Return a new private key and a certificate for some addresses and domains as a single PEM text.

    Args:
        name: the certificate's common name.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _builder(subject, key).issuer_name(subject)
    builder = builder.add_extension(_alternatives(addresses, *domains), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    return _private(key) + certificate.public_bytes(serialization.Encoding.PEM)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _alternatives(addresses: Iterable[str], *domains: str) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(one)) for one in sorted(set(addresses))
    ]
    return x509.SubjectAlternativeName([*names, *(x509.DNSName(domain) for domain in domains if domain)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
