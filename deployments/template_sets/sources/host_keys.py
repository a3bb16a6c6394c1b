"""Public host keys of SSH servers, as people enter them: one a line."""

from __future__ import annotations

import base64
from itertools import pairwise

from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code


def parse_host_keys(text: str) -> list[tuple[str, bytes]]:
    """Return (type, key) of each line, as in known_hosts or in a public key file.

    Raise UserFixable if a line is not one.
    """
    return [_pinned(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _pinned(line: str) -> tuple[str, bytes]:
    parts = line.split()
    for kind, encoded in pairwise(parts):
        if kind.startswith(("ssh-", "ecdsa-")):
            try:
                key = base64.b64decode(encoded, validate=True)
            except ValueError:
                break
            if key[4 : 4 + len(kind)] == kind.encode():
                return kind, key
    raise UserFixable("SourceRefused", Code.SOURCE_HOST_KEY_INVALID, "host_key")
