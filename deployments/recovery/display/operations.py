"""The operations that are possible on a stack now, from the state table, and reasons for the others.

The page's buttons use it. ROUTES has the address of each operation, PERMISSIONS its permission, `_texts` its
texts; an operation without an address is hidden while CloudFormation would accept it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.access.commands.requesting import DEPLOY
from deployments.access.pages.who_can_grant import who_can_grant
from deployments.access.rules.roles import role_with
from deployments.cloudformation.operations import Operation, refusal
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.texts import message_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import DELETING, Kind
from deployments.locks.models import freeze_hold, lock_hold
from deployments.recovery.commands.cancel import effect_of

ROUTES: Mapping[Operation, str] = {
    Operation.CANCEL: "environment_cancel",
    Operation.CHANGE: "environment_change",
    Operation.CONTINUE: "environment_continue",
    Operation.RETRY: "environment_change",
    Operation.ROLL_BACK: "environment_roll_back",
    Operation.DELETE: "environment_delete",
    Operation.FORCE_DELETE: "environment_delete_again",
}
"""The page of each operation; its argument is the key of the environment."""
_AGAIN = ("DELETE_FAILED", Operation.DELETE)
"""The page after a failed deletion lists the failed resources and those that can be retained."""
PERMISSIONS: Mapping[Operation, str] = {
    Operation.CHANGE: "deployments.change_environment",
    Operation.RETRY: "deployments.change_environment",
    Operation.CANCEL: "deployments.change_environment",
    Operation.ROLL_BACK: "deployments.change_environment",
    Operation.CONTINUE: "deployments.change_environment",
    Operation.DELETE: "deployments.delete_environment",
    Operation.FORCE_DELETE: "deployments.force_delete",
}
_ORDER = (
    Operation.CANCEL,
    Operation.CONTINUE,
    Operation.RETRY,
    Operation.ROLL_BACK,
    Operation.CHANGE,
    Operation.DELETE,
    Operation.FORCE_DELETE,
)
_BEGIN = (Operation.RETRY, Operation.DELETE, Operation.FORCE_DELETE)
"""Operations that begin a deployment at once: not allowed in a freeze."""
_DESTRUCTIVE = (Operation.DELETE, Operation.FORCE_DELETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationContext:
    """The state that operations depend on: the stack, and Sanso's own activity on it.

    `status` is the StackStatus, "" without a stack, `name` the environment's, `mode` that of its
    DeploymentConfig. `active` is the kind of the deployment that is active in the environment, None without
    one, and `cancel_refusal` why that deployment cannot be canceled. `lock` and `freeze` are the reasons of a
    lock or of the account's freeze.
    """

    status: str
    name: str = ""
    mode: str = ""
    active: Kind | None = None
    cancel_refusal: Message | None = None
    is_missing: bool = False
    lock: Message | None = None
    freeze: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedOperation:
    """One operation: its address if it can be requested now, otherwise the reason why not."""

    operation: Operation
    label: str
    description: str
    url: str = ""
    reason: str = ""
    is_permission_missing: bool = False

    @property
    def is_destructive(self) -> bool:
        """Return whether the operation deletes resources."""
        return self.operation in _DESTRUCTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsView:
    """All operations: the possible ones, and separately the others."""

    possible: tuple[OfferedOperation, ...]
    impossible: tuple[OfferedOperation, ...]
    by_name: Mapping[str, OfferedOperation]


def situation_of(environment: Environment) -> OperationContext:
    """Return the context of an environment that has not been deleted."""
    active = environment.active_deployment
    lock, freeze = lock_hold(environment), freeze_hold(environment.account)
    return OperationContext(
        status=environment.stack_status if environment.stack_id else "",
        name=environment.name,
        mode=environment.deployment_mode,
        active=Kind(active.kind) if active else None,
        cancel_refusal=_cancel_refusal(active) if active else None,
        is_missing=environment.missing_since is not None,
        lock=lock.message if lock else None,
        freeze=freeze.message if freeze else None,
    )


def _cancel_refusal(active: Deployment) -> Message | None:
    if active.is_cancel_pending or active.is_stopping:
        return Message(Code.CANCEL_IN_PROGRESS)
    effect = effect_of(active)
    return effect if isinstance(effect, Message) else None


def operations_view(environment: Environment, may: Callable[[str], bool]) -> OperationsView | None:
    """Return the operations of an environment; None if it is deleted or only a recording."""
    if environment.deleted_at or environment.account.is_recording:
        return None
    found = offered(situation_of(environment), may, environment.pk)
    if any(one.is_permission_missing for one in found):
        who = who_can_grant(environment)
        found = tuple(
            replace(one, reason=f"{one.reason} {who}") if one.is_permission_missing else one for one in found
        )
    return OperationsView(
        possible=tuple(one for one in found if one.url),
        impossible=tuple(one for one in found if not one.url),
        by_name={str(one.operation): one for one in found},
    )


def offered(situation: OperationContext, may: Callable[[str], bool], pk: int) -> tuple[OfferedOperation, ...]:
    """Return each operation in the order of the page; `may` says whether the user has a permission."""
    found = []
    for operation in _ORDER:
        why = why_not(situation, operation)
        if why is None and operation not in ROUTES:
            continue
        permission = _permission(situation, operation)
        is_missing = why is None and not may(permission)
        if is_missing:
            values = {"role": str(role_with(permission)), "name": situation.name}
            why = Message(Code.ROLE_MISSING, values)
        label, description = _texts(operation)
        found.append(
            OfferedOperation(
                operation=operation,
                label=label,
                description=description,
                url="" if why else address(situation.status, operation, pk),
                reason=message_text(why) if why else "",
                is_permission_missing=is_missing,
            )
        )
    return tuple(found)


def address(status: str, operation: Operation, pk: int) -> str:
    """Return the page of an operation for a stack in a status."""
    is_again = (status, operation) == _AGAIN
    page = reverse(ROUTES[Operation.FORCE_DELETE if is_again else operation], args=[pk])
    # Browsers open the closed section that contains the target of an address.
    return f"{page}#force-does" if operation is Operation.FORCE_DELETE else page


def _permission(situation: OperationContext, operation: Operation) -> str:
    if operation is Operation.CANCEL and situation.active is Kind.CREATE:
        return DEPLOY
    return PERMISSIONS[operation]


def why_not(situation: OperationContext, operation: Operation) -> Message | None:
    """Return why an operation cannot be requested in a situation; None if it can."""
    if situation.is_missing:
        return Message(Code.STACK_GONE)
    if situation.active is not None:
        return _while_active(situation, situation.active, operation)
    if operation is Operation.CANCEL:  # the running operation was not requested in Sanso
        return refusal(situation.status, operation) or Message(Code.OPERATION_FROM_OUTSIDE)
    is_only_listed = not situation.status and operation is Operation.DELETE  # deleted without a stack
    why = None if is_only_listed else refusal(situation.status, operation, situation.mode)
    return why or _held(situation, operation)


def _held(situation: OperationContext, operation: Operation) -> Message | None:
    """Return the lock or freeze that blocks an operation. A change is previewed first, then waits."""
    if situation.lock and operation not in (Operation.CHANGE, Operation.CANCEL):
        return situation.lock
    return situation.freeze if operation in _BEGIN else None


def _while_active(situation: OperationContext, active: Kind, operation: Operation) -> Message | None:
    """Return why an operation is blocked by the active deployment; a change is not: it is queued."""
    if operation is Operation.CHANGE and active not in DELETING and situation.status:
        return None
    if operation is Operation.CANCEL:
        return situation.cancel_refusal
    return Message(Code.DEPLOYMENT_IN_PROGRESS)


def _texts(operation: Operation) -> tuple[str, str]:
    """Return the label of an operation and a sentence that describes it."""
    return {
        Operation.CHANGE: (
            pgettext("operation", "Change…"),
            _(
                "Edit the parameters or take the current templates. Nothing changes before you apply the "
                "preview."
            ),
        ),
        Operation.RETRY: (
            _("Retry from here…"),
            _("Continue from where the last operation stopped, with other values if needed."),
        ),
        Operation.CANCEL: (
            _("Cancel the operation…"),
            _("Stop what is in progress: an update is rolled back, a creation is deleted, waiting ends."),
        ),
        Operation.ROLL_BACK: (
            _("Roll back…"),
            _("Return to the state before the operation that failed."),
        ),
        Operation.CONTINUE: (
            _("Continue the rollback…"),
            _("Let CloudFormation finish the rollback that failed, so that the environment is usable again."),
        ),
        Operation.DELETE: (
            _("Delete…"),
            _("Delete the stack with its resources. What remains and is billed is listed before and after."),
        ),
        Operation.FORCE_DELETE: (
            _("Force deletion…"),
            _(
                "Delete the stack and leave in AWS what cannot be deleted. Sanso does not manage it "
                "afterwards."
            ),
        ),
    }[operation]
