"""The delay until other services see new resources of IAM, which is replicated.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

import functools
import threading
from typing import Any

from ministack.services import iam

from sanso_sandbox.engine.policy_changes import UNSEEN
from sanso_sandbox.engine.registry import Action, Answer, Created, Parameters, Properties, handler, here
from sanso_sandbox.engine.time_scale import Moment

_lock = threading.Lock()
_created: dict[tuple[str, str], Moment] = {}  # by account and ARN


def install() -> None:
    """Record the creation of roles and instance profiles, by templates and by the API."""
    for resource_type in ("AWS::IAM::Role", "AWS::IAM::InstanceProfile"):
        found = handler(resource_type)
        found["create"] = _noting_creation(found["create"])
    iam._IAM_HANDLERS["CreateRole"] = _noting_call(iam._IAM_HANDLERS["CreateRole"], "RoleName", iam._roles)
    iam._IAM_HANDLERS["CreateInstanceProfile"] = _noting_call(
        iam._IAM_HANDLERS["CreateInstanceProfile"], "InstanceProfileName", iam._instance_profiles
    )


def reset(account: str | None) -> None:
    """Delete the recorded creations of an account, or of all accounts."""
    with _lock:
        for key in [key for key in _created if account in (None, key[0])]:
            del _created[key]


def seen(arn: str) -> bool:
    """Return whether other services see a role or an instance profile of the current account."""
    with _lock:
        created = _created.get((here().account, arn))
    return created is None or created.is_past(UNSEEN)


def _note(arn: str) -> None:
    with _lock:
        _created[here().account, arn] = Moment()


def _noting_creation(create: Any) -> Any:
    @functools.wraps(create)  # its module too, which marks it as not blocking
    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        made: Created = create(logical_id, properties, stack)
        _note(str(made[1]["Arn"]))
        return made

    return created


def _noting_call(action: Action, parameter: str, store: Any) -> Action:
    def called(parameters: Parameters) -> Answer:
        answer = action(parameters)
        if answer[0] == 200:
            _note(str(store[iam._p(parameters, parameter)]["Arn"]))
        return answer

    return called
