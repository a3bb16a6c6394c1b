"""The request of `sanso login` to the page that allows it: its listening address and its challenge."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self
from urllib.parse import urlencode

CODE_LIFETIME: Final = timedelta(minutes=2)
"""Maximum time until a code is exchanged; OAuth allows 10 minutes: RFC 6749, section 4.1.2."""
MAX_HOST: Final = 40
_REDIRECT: Final = re.compile(r"http://127\.0\.0\.1:[1-9][0-9]{3,4}/", re.ASCII)
"""RFC 8252, section 7.3: the loopback address itself, since localhost may be resolved elsewhere."""
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_STATE: Final = re.compile(r"[A-Za-z0-9_-]{16,128}", re.ASCII)
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
"""RFC 7636, section 4.1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """A command line that waits for a code at `redirect_uri`. `host` is the name of its computer."""

    redirect_uri: str
    challenge: str
    state: str
    host: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self | None:
        """Return the request in a query (RFC 6749, section 4.1.1); None if it is not complete and valid."""
        redirect, state = query.get("redirect_uri", ""), query.get("state", "")
        challenge = query.get("code_challenge", "")
        is_valid = (
            query.get("response_type") == "code"
            and query.get("code_challenge_method") == "S256"
            and _REDIRECT.fullmatch(redirect)
            and _CHALLENGE.fullmatch(challenge)
            and _STATE.fullmatch(state)
        )
        host = "".join(one for one in query.get("host", "") if one.isprintable()).strip()[:MAX_HOST]
        return cls(redirect_uri=redirect, challenge=challenge, state=state, host=host) if is_valid else None

    def answer(self, **values: str) -> str:
        """Return the address to which the browser is sent, with a code or an error."""
        return f"{self.redirect_uri}?{urlencode(values | {'state': self.state})}"


def challenge_of(verifier: str) -> str:
    """Return the challenge of a verifier; "" if the verifier is not valid (RFC 7636, section 4.2)."""
    if not _VERIFIER.fullmatch(verifier):
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
