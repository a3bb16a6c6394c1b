"""An authenticator app for tests, implemented from RFC 6238, independently of the portal's code."""

from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class App:
    """An app that was set up with the key that the portal displays."""

    key: str

    def code(self, at: float) -> str:
        """Return the code for a Unix time."""
        secret = base64.b32decode(self.key.replace(" ", ""))
        digest = hmac.new(secret, struct.pack(">Q", int(at) // 30), "sha1").digest()
        start = digest[-1] & 15
        number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
        return f"{number % 1_000_000:06}"
