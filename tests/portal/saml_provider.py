"""An in-memory SAML identity provider, which signs as real ones do and can send invalid responses."""

from __future__ import annotations

import base64
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.test import Client
from django.urls import reverse
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

ENTITY = "https://idp.example.com/metadata"
HERE = "http://testserver"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_NS = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"'
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def _pair() -> tuple[str, str]:
    """Return a private key and its certificate."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example.com")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(now - timedelta(days=1))
    certificate = built.not_valid_after(now + timedelta(days=1)).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    return private.decode(), certificate.public_bytes(Encoding.PEM).decode()


@dataclass
class SamlIdp:
    """The provider."""

    pair: tuple[str, str] = field(default_factory=_pair)
    here: str = HERE
    sso: str = "https://idp.example.com/sso"

    def metadata(self) -> str:
        """Return the metadata that the portal is configured with."""
        certificate = "".join(self.pair[1].strip().splitlines()[1:-1])
        return (
            f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}">'
            '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            '<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
            f"<ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            "</md:KeyDescriptor>"
            '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" '
            f'Location="{self.sso}"/></md:IDPSSODescriptor></md:EntityDescriptor>'
        )

    def assertion(
        self,
        name_id: str = "ana-1",
        *,
        request_id: str = "",
        audience: str = "",
        issuer: str = ENTITY,
        recipient: str = "",
        age: timedelta = timedelta(),
        name_format: str = PERSISTENT,
        groups: tuple[str, ...] = ("ops",),
        user: str = "ana",
    ) -> str:
        """Return an unsigned assertion."""
        audience = audience or f"{self.here}/login/saml/metadata/"
        recipient = recipient or f"{self.here}/login/saml/acs/"
        now = datetime.now(UTC) - age
        begin, end = (
            (now - timedelta(minutes=1)).strftime(_TIME),
            (now + timedelta(minutes=5)).strftime(_TIME),
        )
        answers = f'InResponseTo="{request_id}"' if request_id else ""
        values = "".join(f"<saml:AttributeValue>{one}</saml:AttributeValue>" for one in groups)
        return (
            f'<saml:Assertion {_NS} ID="_{uuid.uuid4().hex}" Version="2.0" IssueInstant="{begin}">'
            f"<saml:Issuer>{issuer}</saml:Issuer>"
            f'<saml:Subject><saml:NameID Format="{name_format}">{name_id}</saml:NameID>'
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData NotOnOrAfter="{end}" Recipient="{recipient}" {answers}/>'
            "</saml:SubjectConfirmation></saml:Subject>"
            f'<saml:Conditions NotBefore="{begin}" NotOnOrAfter="{end}"><saml:AudienceRestriction>'
            f"<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{begin}" SessionIndex="_s"><saml:AuthnContext>'
            "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
            f'<saml:AttributeStatement><saml:Attribute Name="groups">{values}</saml:Attribute>'
            f'<saml:Attribute Name="username"><saml:AttributeValue>{user}</saml:AttributeValue>'
            "</saml:Attribute></saml:AttributeStatement></saml:Assertion>"
        )

    def sign(self, xml: str, pair: tuple[str, str] | None = None, **options: Any) -> str:
        """Return the signed element."""
        signed = OneLogin_Saml2_Utils.add_sign(xml, *(pair or self.pair), **options)
        text: bytes = etree.tostring(etree.fromstring(signed))
        return text.decode()

    def response(self, *assertions: str, request_id: str = "", extra: str = "") -> str:
        """Return a response with these assertions, encoded as the browser sends it."""
        now = datetime.now(UTC).strftime(_TIME)
        answers = f'InResponseTo="{request_id}"' if request_id else ""
        xml = (
            f'<samlp:Response {_NS} ID="_{uuid.uuid4().hex}" Version="2.0" IssueInstant="{now}" {answers} '
            f'Destination="{self.here}/login/saml/acs/"><saml:Issuer>{ENTITY}</saml:Issuer>'
            '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/>'
            f"</samlp:Status>{extra}{''.join(assertions)}</samlp:Response>"
        )
        return base64.b64encode(xml.encode()).decode()

    def log_in(self, client: Client, name_id: str = "ana-1", **values: Any) -> Any:
        """Go through the whole login as a browser does; return the last response."""
        request_id = begin(client)
        found = self.sign(self.assertion(name_id, request_id=request_id, **values))
        return post(client, self.response(found, request_id=request_id))


def begin(client: Client, **query: str) -> str:
    """Begin a login; return the id of the request that the provider receives."""
    return request_id_of(client.get(reverse("saml_login"), query)["Location"])


def request_id_of(url: str) -> str:
    """Return the id of the request in the address at the provider that the browser is redirected to."""
    request = zlib.decompress(base64.b64decode(parse_qs(urlsplit(url).query)["SAMLRequest"][0]), -15)
    return str(etree.fromstring(request).get("ID"))


def post(client: Client, response: str) -> Any:
    """Send a response as the provider's page does, and follow the redirect to the end of the login."""
    found = client.post(reverse("saml_acs"), {"SAMLResponse": response})
    return client.get(reverse("saml_finish")) if found["Location"] == reverse("saml_finish") else found
