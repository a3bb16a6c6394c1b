"""An in-memory passkey, which responds as browsers do (WebAuthn Level 3) or with invalid data."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor

PRESENT, VERIFIED, WITH_KEY = 1, 4, 64


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


@dataclass
class SecurityKey:
    """A passkey for `origin`; with `verifies`, it checks a fingerprint or PIN."""

    origin: str = "http://localhost"
    name: str = "localhost"
    verifies: bool = True
    user: str = ""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: Any) -> str:
        """Return the response to the options of a registration."""
        self.user = options["publicKey"]["user"]["id"]
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor.encode(public)
        attestation = {"fmt": "none", "attStmt": {}, "authData": self._data(WITH_KEY) + credential}
        answer = {"attestationObject": text(cbor.encode(attestation))}
        return self._answer("webauthn.create", options, answer, self._client("webauthn.create", options))

    def get(self, options: Any) -> str:
        """Return the response to the options of a login."""
        client, data = self._client("webauthn.get", options), self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        answer = {"authenticatorData": text(data), "signature": text(signature), "userHandle": self.user}
        return self._answer("webauthn.get", options, answer, client)

    def _client(self, kind: str, options: Any) -> bytes:
        challenge = options["publicKey"]["challenge"]
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(self.name.encode()).digest() + bytes([flags]) + bytes(4)

    def _answer(self, kind: str, options: Any, answer: dict[str, str], client: bytes) -> str:
        response = {"clientDataJSON": text(client), **answer}
        return json.dumps(
            {
                "id": text(self.id),
                "rawId": text(self.id),
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
