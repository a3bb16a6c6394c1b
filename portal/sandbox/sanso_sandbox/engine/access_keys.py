"""The access keys that the sandbox issues, all derived from the secret of its data folder.

The secret is also the token of the control API. A restart with the same folder therefore keeps every key,
and keys of another folder are unknown. Temporary keys of roles are not derived from it: see role_sessions.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CLOUDFORMATION: Final = "cloudformation"
PORTAL: Final = "portal"
ISSUED_ON_REQUEST: Final = (PORTAL, "script")
NAMES: Final = (*ISSUED_ON_REQUEST, CLOUDFORMATION)

SHORTEST: Final = 32  # characters of a secret
_DIGITS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"  # base32
_ACCOUNT_BITS: Final = 40
_CHECK_BITS: Final = 39


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A long-term key: its account, its name, and the two parts that sign requests."""

    account: str  # twelve digits
    name: str
    id: str
    secret: str = field(repr=False)


class Keyring:
    """Issues keys and recognizes them; only the secret has to be stored for that."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def accepts(self, token: str) -> bool:
        """Return whether this is the control API's token, in constant time."""
        return hmac.compare_digest(token.encode(), self._secret)

    def issue(self, account: str, name: str) -> AccessKey:
        """Return the key for a name in an account, the same one each time."""
        key = self._id(account, name)
        secret = base64.b64encode(self._digest(f"secret/{key}")[:30]).decode()
        return AccessKey(account, name, key, secret)

    def find(self, access_key_id: str) -> AccessKey | None:
        """Return the key with this id, None for one that was not issued here."""
        account = _account_of(access_key_id)
        for name in NAMES if account else ():
            if hmac.compare_digest(self._id(account, name), access_key_id):
                return self.issue(account, name)
        return None

    def _id(self, account: str, name: str) -> str:
        """Return a key id with its account, as on AWS, and with a check value in place of AWS's random part.

        The layout is that of sts:GetAccessKeyInfo: a set bit after AKIA, then the number of the account.
        https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
        """
        check = int.from_bytes(self._digest(f"id/{account}/{name}")[:5]) >> (40 - _CHECK_BITS)
        number = 1 << (_ACCOUNT_BITS + _CHECK_BITS) | int(account) << _CHECK_BITS | check
        return "AKIA" + "".join(_DIGITS[number >> shift & 31] for shift in range(75, -1, -5))

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._secret, text.encode(), hashlib.sha256)


def _account_of(access_key_id: str) -> str:
    """Return the account in a key id, empty if the sandbox cannot have issued the id."""
    digits = access_key_id.removeprefix("AKIA")
    if len(digits) != 16 or len(access_key_id) != 20 or not set(digits) <= set(_DIGITS):
        return ""
    number = 0
    for digit in digits:
        number = number << 5 | _DIGITS.index(digit)
    account = number >> _CHECK_BITS & (1 << _ACCOUNT_BITS) - 1
    return f"{account:012d}" if number >> (_ACCOUNT_BITS + _CHECK_BITS) and account < 10**12 else ""


_keyring = Keyring(secrets.token_urlsafe(32))


def open_keyring(token_file: Path) -> Keyring:
    """Use the keyring of a secret's file from now on. The file is created if it does not exist.

    Raises ValueError if the file contains no secret, OSError if it cannot be read or created.
    """
    global _keyring
    secret = _read_or_create(token_file)
    if len(secret) < SHORTEST:
        raise ValueError(f"{token_file} holds no secret: remove it, so that a new one is created")
    _keyring = Keyring(secret)
    return _keyring


def _read_or_create(path: Path) -> str:
    """Return the secret in a file, which one of several processes creates at the first use (mode 0600)."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(SHORTEST))
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        Path(fresh).unlink()
    return path.read_text().strip()


def keyring() -> Keyring:
    """Return the keyring in use."""
    return _keyring
