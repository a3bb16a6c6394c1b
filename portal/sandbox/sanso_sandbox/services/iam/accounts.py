"""Accounts as an administrator prepares them: the portal's user, and the roles of account.yaml.

The template file is used with the handlers of the resource types, without their durations, because
`make run` must not wait. The accounts are stored in the data folder to restore the roles after a restart.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from ministack.services import iam, sts
from ministack.services.cloudformation import engine, provisioners

from sanso_sandbox.engine.registry import Scope

TEMPLATE: Final = Path(__file__).with_name("account.yaml")  # a link to the one in infra_templates
USER: Final = "sanso"
"""The portal's IAM user in each account; on AWS, its identity belongs to a separate account."""
PORTAL_ROLE: Final = "sanso-portal"
STACK: Final = "sanso-account"
# The policy for the portal's identity in docs/production.md.
MAY_ASSUME: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::*:role/{PORTAL_ROLE}"}
    ],
}
# The portal creates the bucket, as it does in every region in which the template is not deployed.
_CREATED: Final = ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy")

# Template sets of one's own may be tried here before their roles have the boundary.
_CHOSEN: Final = {"RolesNeedBoundary": "false"}

_lock = threading.RLock()
_external_ids: dict[str, str] = {}
_folder: Path | None = None


def install(folder: Path | None) -> None:
    """Prepare the accounts in this folder's data again, and restore the sessions of their roles."""
    global _folder
    _folder = folder
    sts.register_session = _remembering(sts.register_session)
    kept = _read()
    for account, external_id in kept.get("accounts", {}).items():
        prepare(account, external_id)
    for key, session in kept.get("sessions", {}).items():
        if session["Expiration"] > time.time():
            sts._sessions[key] = session


def user_arn(account: str) -> str:
    """Return the ARN of the portal's user in an account."""
    return f"arn:aws:iam::{account}:user/{USER}"


def prepare(account: str, external_id: str) -> None:
    """Create the portal's user and the roles of account.yaml, unless they exist for this external id."""
    with _lock:
        known = _external_ids.get(account) == external_id
        with Scope(account, "us-east-1").entered():
            if known and PORTAL_ROLE in iam._roles:
                return
            _create(account, external_id)
        _external_ids[account] = external_id
        if not known:
            _write()


def reset(account: str | None) -> None:
    """Prepare reset accounts again, since the roles are part of an administrator's setup."""
    with _lock:
        for number in [number for number in _external_ids if account in (None, number)]:
            with Scope(number, "us-east-1").entered():
                _create(number, _external_ids[number])


def is_portals(session: dict[str, Any]) -> bool:
    """Return whether a session belongs to the portal's role; it survives a reset of its account."""
    return f":assumed-role/{PORTAL_ROLE}/" in str(session.get("Arn", ""))


@cache
def _template() -> dict[str, Any]:
    found: dict[str, Any] = engine._parse_template(TEMPLATE.read_text())
    return found


def _create(account: str, external_id: str) -> None:
    iam._users[USER] = {
        "UserName": USER,
        "Arn": user_arn(account),
        "UserId": iam._gen_id("AIDA"),
        "Path": "/",
        "CreateDate": iam._now(),
        "AttachedPolicies": [],
        "Tags": [],
    }
    iam._user_inline_policies[USER] = {"assume-the-roles-of-accounts": json.dumps(MAY_ASSUME)}
    template = _template()
    given = {"PortalPrincipal": user_arn(account), "ExternalId": external_id, **_CHOSEN}
    parameters = engine._resolve_parameters(
        template, [{"Key": name, "Value": value} for name, value in given.items()]
    )
    conditions = engine._evaluate_conditions(template, parameters)
    made: dict[str, Any] = {}
    definitions = template["Resources"]
    for name in engine._topological_sort(definitions, conditions):
        resource_type = definitions[name]["Type"]
        if resource_type not in _CREATED:
            continue
        properties = engine._resolve_refs(
            definitions[name]["Properties"], made, parameters, conditions, {}, STACK, f"{STACK}/{account}"
        )
        physical_id, attributes = provisioners._provision_resource(resource_type, name, properties, STACK)
        made[name] = {
            "PhysicalResourceId": physical_id,
            "ResourceType": resource_type,
            "Attributes": attributes,
        }


def _remembering(register: Callable[[str, dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    def remember(access_key: str, session: dict[str, Any]) -> None:
        register(access_key, session)
        if is_portals(session):
            with _lock:
                _write()

    return remember


def _read() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((_folder / "accounts.json").read_text()) if _folder else {}
    except (OSError, ValueError):
        return {}
    return found


def _write() -> None:
    if _folder is None:
        return
    sessions = {key: session for key, session in list(sts._sessions.items()) if is_portals(session)}
    new = _folder / "accounts.json.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"accounts": _external_ids, "sessions": sessions}, file)
    new.replace(_folder / "accounts.json")
