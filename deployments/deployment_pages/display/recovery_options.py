"""The recovery options after a failure: one main action that works, and others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.changes.display.parameter_fields import PREFIX
from deployments.changes.display.previews import is_retriable, retry_url
from deployments.cloudformation.operations import Operation, is_allowed
from deployments.cloudformation.remaining import Remaining
from deployments.environments.display.tab_urls import SERVERS, tab_url
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import AFTER_STACKS, Kind, State
from deployments.failures.rules.cause import NextStep, RecognizedCause, named_parameter
from deployments.recovery.commands.delete import may_clean_up


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedAction:
    """One action: a link, a form to post, or a text to copy. `hint` describes its effect.

    `is_retry`: it opens the form of a change with the values of one that failed.
    """

    label: str
    url: str = ""
    copy_text: str = ""
    hint: str = ""
    is_post: bool = False
    is_main: bool = False
    is_destructive: bool = False
    needs_permission: bool = False
    is_external: bool = False
    is_retry: bool = False

    @property
    def classes(self) -> str:
        """Return the CSS classes of its link or button."""
        more = (
            ("primary", self.is_main),
            ("danger", self.is_destructive),
            ("needs-deploy", self.needs_permission),
            ("needs-change", self.is_retry),
        )
        return " ".join(["button", *(name for name, wanted in more if wanted)])


def recovery_options(
    deployment: Deployment, known: RecognizedCause | None, remaining: Remaining, *, is_latest: bool
) -> tuple[SuggestedAction, ...]:
    """Return the recovery options, the main one first.

    A recording has none. While CloudFormation rolls back, nothing can be deleted or requested.
    """
    environment = deployment.environment
    if environment.account.is_recording:
        return ()
    found: list[SuggestedAction] = []
    if not deployment.is_active:
        found += _main(deployment, known, remaining, is_latest=is_latest)
    steps: Sequence[NextStep] = known.cause.steps if known else ()
    if NextStep.QUOTAS in steps:
        found += _quotas(deployment, known)
    if NextStep.POLICY in steps:
        found += _policy(known)
    return tuple(found)


def _main(
    deployment: Deployment, known: RecognizedCause | None, remaining: Remaining, *, is_latest: bool
) -> Iterator[SuggestedAction]:
    environment = deployment.environment
    delete = reverse("environment_delete", args=[environment.pk])
    if deployment.kind == Kind.CREATE and (
        environment.deleted_at or (is_latest and not environment.stack_id)
    ):
        yield retry(deployment, known)
        return
    if not is_latest or environment.deleted_at:
        yield _environment(deployment, is_main=True)
        return
    if deployment.kind == Kind.DELETE:
        yield SuggestedAction(label=_("Delete again…"), url=delete, is_main=True, needs_permission=True)
        return
    if is_allowed(environment.stack_status, Operation.CONTINUE) and environment.stack_id:
        yield SuggestedAction(
            label=_("Continue the rollback…"),
            url=reverse("environment_continue", args=[environment.pk]),
            hint=_("CloudFormation could not roll back the update. Until it can, nothing can be changed."),
            is_main=True,
            needs_permission=True,
        )
        yield _environment(deployment)
        return
    if is_allowed(environment.stack_status, Operation.ROLL_BACK):
        yield from _kept(deployment, known)
        return
    if may_clean_up(deployment):
        yield clean_up(deployment, remaining)
        yield SuggestedAction(
            label=_("Delete remaining resources…"), url=delete, is_destructive=True, needs_permission=True
        )
        return
    yield from _of_servers(deployment, known)
    # After a failed change the environment is what it was; its stacks are complete and serve.
    if not deployment.is_failed_change and State(deployment.last_phase) is not State.SERVERS:
        yield SuggestedAction(
            label=_("Delete environment…"), url=delete, is_destructive=True, needs_permission=True
        )


def _of_servers(deployment: Deployment, known: RecognizedCause | None) -> Iterator[SuggestedAction]:
    """Yield the actions for servers whose release or configuration failed."""
    environment = deployment.environment
    retries = [retry_of_change(deployment, known)] if is_retriable(deployment) else []
    if State(deployment.last_phase) is State.SERVERS:
        yield from _after_release(deployment, retries)
    elif known and NextStep.RUN_AGAIN in known.cause.steps and State(deployment.last_phase) in AFTER_STACKS:
        yield SuggestedAction(
            label=_("Run association…"),
            url=f"{tab_url(environment, SERVERS)}#associations",
            is_main=True,
            needs_permission=True,
        )
        yield from (replace(one, is_main=False) for one in retries)
        yield _environment(deployment)
    else:
        yield from retries
        yield _environment(deployment, is_main=not retries)


def _after_release(deployment: Deployment, retries: Sequence[SuggestedAction]) -> Iterator[SuggestedAction]:
    """Yield the rollback to the stacks' version, for servers that already have the new one."""
    if deployment.error_code == "ReleaseReturned" or deployment.base is None:
        yield from retries
        yield _environment(deployment, is_main=not retries)
        return
    yield SuggestedAction(
        label=_("Go back…"),
        url=reverse("deployment_roll_back", args=[deployment.base.pk]),
        hint=_("Shows the preview of a release that gives every server the version of before."),
        is_post=True,
        is_main=True,
        needs_permission=True,
    )
    yield from (replace(one, is_main=False) for one in retries)
    yield _environment(deployment)


def retry_of_change(deployment: Deployment, known: RecognizedCause | None) -> SuggestedAction:
    """Return the link to the form of a change with the values of a failed one."""
    return SuggestedAction(
        label=_("Retry with these values"),
        url=retry_url(deployment, known),
        is_main=True,
        is_retry=True,
    )


def _kept(deployment: Deployment, known: RecognizedCause | None) -> Iterator[SuggestedAction]:
    """Yield the actions after a failure that was kept."""
    environment, key = deployment.environment, [deployment.environment_id]
    yield SuggestedAction(
        label=_("Retry from here…"),
        url=f"{reverse('environment_change', args=key)}{_field(deployment, known)}",
        hint=_("Opens the form with the same values; a preview follows. What is complete stays as it is."),
        is_main=True,
        needs_permission=True,
        is_retry=True,
    )
    if is_allowed(environment.stack_status, Operation.ROLL_BACK, environment.deployment_mode):
        yield SuggestedAction(
            label=_("Roll back…"), url=reverse("environment_roll_back", args=key), needs_permission=True
        )
    yield SuggestedAction(
        label=_("Delete environment…"),
        url=reverse("environment_delete", args=key),
        is_destructive=True,
        needs_permission=True,
    )


def retry(deployment: Deployment, known: RecognizedCause | None = None) -> SuggestedAction:
    """Return the link to the form with the values of a failed creation."""
    return SuggestedAction(
        label=_("Retry with these values"),
        url=form_url(deployment, known),
        is_main=True,
        needs_permission=True,
    )


def form_url(deployment: Deployment, known: RecognizedCause | None = None) -> str:
    """Return the address of the form with a deployment's values, at the field of the cause."""
    return f"{reverse('environment_new')}?from={deployment.pk}{_field(deployment, known)}"


def clean_up(deployment: Deployment, remaining: Remaining) -> SuggestedAction:
    """Return the page that deletes a creation's remains, which leads to the form with its values."""
    number = len(remaining.of_stacks)
    hint = ngettext(
        "Deletes the stack with the %(count)d resource in it, then opens the form with these values.",
        "Deletes the stack with the %(count)d resources in it, then opens the form with these values.",
        number,
    ) % {"count": number}
    return SuggestedAction(
        label=_("Clean up and retry…"),
        url=reverse("deployment_clean_up", args=[deployment.pk]),
        hint=hint if number else _("Deletes the empty stack, then opens the form with these values."),
        is_main=True,
        needs_permission=True,
    )


def _environment(deployment: Deployment, *, is_main: bool = False) -> SuggestedAction:
    url = deployment.environment.get_absolute_url()
    return SuggestedAction(label=_("View environment"), url=url, is_main=is_main)


def _field(deployment: Deployment, known: RecognizedCause | None) -> str:
    """Return the fragment of the form's field that belongs to the cause; "" if there is none."""
    name = named_parameter(known, deployment.parameters)
    return f"#id_{PREFIX}{name}" if name else ""


def _quotas(deployment: Deployment, known: RecognizedCause | None) -> Iterator[SuggestedAction]:
    """Yield the link to the service's quotas; the sandbox has none."""
    account = deployment.environment.account
    if account.is_sandbox or known is None:
        return
    place = f"https://{account.region}.console.aws.amazon.com/servicequotas/home"
    of = f"/services/{known.cause.service}/quotas" if known.cause.service else "/services"
    url = f"{place}{of}?region={account.region}"
    yield SuggestedAction(label=_("Open Service Quotas"), url=url, is_external=True)


def _policy(known: RecognizedCause | None) -> Iterator[SuggestedAction]:
    """Yield a policy statement to copy that allows the denied action."""
    if known is None:
        return
    action = "iam:PassRole" if "role" in known.values else known.values.get("action", "")
    if ":" not in action:
        return
    resource = known.values.get("role") or known.values.get("resource", "*")
    statement = {"Effect": "Allow", "Action": action, "Resource": "*" if resource == "…" else resource}
    label = _("Copy a policy that allows %(action)s") % {"action": action}
    yield SuggestedAction(label=label, copy_text=json.dumps(statement))
