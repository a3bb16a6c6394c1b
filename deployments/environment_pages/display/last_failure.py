"""The one line about the last change that failed, with what can be done about it."""

from __future__ import annotations

import html
from collections.abc import Collection
from dataclasses import dataclass, replace

from django.utils.html import conditional_escape, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from deployments.changes.display.previews import cause_of_rejection, is_retriable
from deployments.cloudformation.operations import Operation, is_allowed
from deployments.cloudformation.root_cause import root_cause
from deployments.deployment_pages.display import failure_banner
from deployments.deployment_pages.display.failure_banner import FailureBanner
from deployments.deployment_pages.display.recovery_options import SuggestedAction, retry_of_change
from deployments.environments.display import headlines
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import BEFORE_STACKS, Kind, State
from deployments.stacks.models.events import Event
from deployments.stacks.models.timeline import failures_of

LONGEST = 240
"""Characters of a step's message in the line; the deployment's page has all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureLine:
    """The failed deployment, what became of it in a few words, why, and at most two actions."""

    deployment: Deployment
    lead: str
    why: SafeString
    actions: tuple[SuggestedAction, ...]

    @property
    def text(self) -> str:
        """Return the line as plain text."""
        name = f"{self.deployment.get_kind_display()} {self.deployment.pk}"
        return f"{self.lead} {name}: {html.unescape(strip_tags(self.why))}"


def failed_changes_of(environments: Collection[Environment]) -> dict[int, Deployment]:
    """Return the last change of each environment if it failed, dismissed or not, and the stack exists."""
    rows = {
        one.pk: one
        for one in environments
        if not (one.deleted_at or one.missing_since or one.account.is_recording)
    }
    failures = Deployment.objects.last_failures_of(rows.values()) if rows else {}
    found = {pk: failed for pk, failed in failures.items() if failed.is_failed_change}
    for pk, failed in found.items():
        failed.environment = rows[pk]  # with its account and its latest deployment
    return found


def failed_change_of(environment: Environment) -> Deployment | None:
    """Return the last change of one environment if it failed."""
    return failed_changes_of([environment]).get(environment.pk)


def line_of(failed: Deployment) -> FailureLine:
    """Return the line about a failed change."""
    cause = root_cause(failures_of(failed, Event.objects.of(failed).landmarks()))
    is_latest = failed.environment.latest_id == failed.pk
    banner = failure_banner.of_deployment(failed, cause, is_latest=is_latest)
    return FailureLine(
        deployment=failed,
        lead=lead_of(failed),
        why=_why(failed, banner),
        actions=_actions(failed, banner.actions if banner else ()),
    )


def lead_of(failed: Deployment) -> str:
    """Return what became of a failed change, in a sentence; it has its environment."""
    status = failed.environment.stack_status
    if failed.kind != Kind.UPDATE:
        return _("The rollback failed.")
    if failed.state == State.ROLLED_BACK:
        return _("Last change failed; CloudFormation rolled it back.")
    if State(failed.last_phase) in BEFORE_STACKS:
        return _("Last change failed; nothing changed.")
    if is_allowed(status, Operation.RETRY):
        return _("Last change failed; the environment is partly updated.")
    if is_allowed(status, Operation.CONTINUE):
        return _("Last change failed, and so did its rollback.")
    return _("Last change failed.")


def _why(failed: Deployment, banner: FailureBanner | None) -> SafeString:
    """Return why it failed: the banner's headline, or the step's message where that says more."""
    general = headlines.error(failed.error_code, kind=failed.kind)
    if banner is None:
        return conditional_escape(general)
    is_general = banner.headline == conditional_escape(general)
    if not is_general or not banner.message:
        return banner.headline
    message = banner.message if len(banner.message) <= LONGEST else f"{banner.message[:LONGEST]}…"
    return conditional_escape(message)


def _actions(failed: Deployment, offered: tuple[SuggestedAction, ...]) -> tuple[SuggestedAction, ...]:
    """Return the retry, after what leads out of the failure by itself, such as going back to a release.

    Where the page lists the operations of a stack that needs an operator, only the retry.
    """
    environment = failed.environment
    retry = next((one for one in offered if one.is_retry), None)
    if retry is None and is_retriable(failed):
        retry = retry_of_change(failed, cause_of_rejection(failed))
    ways = (
        []
        if environment.needs_operator
        else [
            one
            for one in offered
            if one.is_main and not one.is_retry and one.url != environment.get_absolute_url()
        ]
    )
    retries = [replace(retry, label=_("Retry with these values"), is_main=not ways)] if retry else []
    return (*ways, *retries)
