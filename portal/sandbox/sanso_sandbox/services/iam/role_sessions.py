"""Temporary keys of roles for functions and instances in the sandbox, with a session for each of them.

The sessions are stored in MiniStack's STS, so that GetCallerIdentity returns the role. They do not expire,
because a process gets its keys once, in its environment, and may run for days.
"""

import secrets
import threading
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import iam, sts

from sanso_sandbox.engine.registry import here
from sanso_sandbox.services.iam import accounts

_lock = threading.Lock()


def install() -> None:
    """Provide functions of every runtime with their role's keys."""
    lambda_runtime.execution_credentials = of_function


def reset(account: str | None) -> None:
    """Delete the sessions of an account; MiniStack deletes those of all accounts itself."""
    with _lock:
        for key, session in list(sts._sessions.items()):
            if session.get("AccountId") == account and not accounts.is_portals(session):
                sts._sessions.pop(key, None)


def of_function(config: dict[str, Any]) -> dict[str, str]:
    """Return the environment variables with the keys of a function's execution role.

    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """
    account, _region = lambda_runtime._account_region_from_function_config(config)
    return _environment(account, str(config.get("Role", "")), str(config.get("FunctionName", "")))


def of_instance(instance: dict[str, Any]) -> dict[str, str]:
    """Return the environment variables with the keys of an instance's role; none without a profile.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html
    """
    role_arn = role_of(instance)
    return _environment(here().account, role_arn, instance["InstanceId"]) if role_arn else {}


def role_of(instance: dict[str, Any]) -> str:
    """Return the ARN of the role in an instance's profile, "" without one."""
    arn = (instance.get("IamInstanceProfile") or {}).get("Arn")
    profile = iam._lookup_instance_profile(name="", arn=arn) if arn else None
    roles = [iam._roles.get(name) for name in (profile or {}).get("Roles", ())]
    return str(roles[0]["Arn"]) if roles and roles[0] else ""


def _environment(account: str, role_arn: str, session_name: str) -> dict[str, str]:
    key, session = _session(account, role_arn, session_name)
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }


def _session(account: str, role_arn: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return the session of a role with a name, which is created if it does not exist."""
    arn = f"arn:aws:sts::{account}:assumed-role/{role_arn.rpartition('/')[2]}/{name[:64]}"
    with _lock:
        for key, session in list(sts._sessions.items()):
            if session["Arn"] == arn and "Expiration" not in session:
                return key, session
        key = iam._gen_session_access_key()
        session = {
            "Arn": arn,
            "UserId": f"{sts._role_id(role_arn)}:{name[:64]}",
            "AccountId": account,
            "PrincipalType": "AssumedRole",
            "SecretAccessKey": secrets.token_urlsafe(30),
            "SessionToken": secrets.token_urlsafe(120),
        }
        sts.register_session(key, session)
    return key, session
