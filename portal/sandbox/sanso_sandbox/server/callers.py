"""The owner of a request's access key: a key of the keyring, an IAM user, or a session of a role."""

from dataclasses import dataclass
from typing import Final

from ministack.core import iam_evaluator
from ministack.services import sts

from sanso_sandbox.engine import access_keys
from sanso_sandbox.services.iam import accounts

CALLER: Final = "sanso.caller"
"""The key of the caller in an ASGI scope, set by the signature check."""
_KINDS: Final = {"AssumedRole": "role", "User": "user", "FederatedUser": "user", "Root": "root"}


@dataclass(frozen=True, slots=True)
class Caller:
    """The signer of a request.

    `kind` is "root" for the keyring's keys "script" and "cloudformation", which act as the account itself,
    "user" (also for its key "portal") or "role"; `name` is the key's name, the user's, or role and session.
    """

    account: str  # twelve digits
    kind: str
    name: str
    arn: str


class Unknown(Exception):
    """The key is unknown, or does not match this token. `code` is MiniStack's, the message is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def find(access_key_id: str, session_token: str) -> tuple[Caller, str]:
    """Return the caller with this key, and the key's secret. Raises Unknown.

    Args:
        session_token: the token in the request, "" without one.
    """
    issued = access_keys.keyring().find(access_key_id)
    if issued is not None and not session_token:
        if issued.name == access_keys.PORTAL:
            arn = accounts.user_arn(issued.account)
            return Caller(issued.account, "user", accounts.USER, arn), issued.secret
        arn = f"arn:aws:iam::{issued.account}:root"
        return Caller(issued.account, "root", issued.name, arn), issued.secret
    # MiniStack treats numbers and the word "test" as keys of the account itself; here they are unknown.
    if issued is not None or iam_evaluator.is_root_access_key(access_key_id):
        raise _unknown(session_token)
    return _known_to_iam(access_key_id, session_token)


def _known_to_iam(access_key_id: str, session_token: str) -> tuple[Caller, str]:
    session = sts._sessions.get(access_key_id, {})
    try:
        account = session.get("AccountId") or iam_evaluator.find_iam_access_key_account(access_key_id)
    except iam_evaluator.AmbiguousAccessKeyError:
        raise _unknown(session_token) from None
    found = iam_evaluator.resolve_credential(access_key_id, account, session_token)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        if found.code == "InvalidToken":  # a session's key without its token counts as unknown
            raise _unknown(session_token)
        raise Unknown(found.code, found.message)
    name = found.principal_arn.rpartition(":")[2].partition("/")[2]
    caller = Caller(
        found.account_id, _KINDS.get(found.principal_type, "user"), name or "root", found.principal_arn
    )
    return caller, str(found.secret_access_key)


def _unknown(session_token: str) -> Unknown:
    if session_token:
        return Unknown("InvalidToken", "The security token included in the request is invalid")
    return Unknown("UnrecognizedClientException", "The security token included in the request is invalid.")
