"""The life of an environment in phases, and the texts about failures that its pages show in each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.utils import timezone

from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.preview import request_change, request_rollback, request_version
from deployments.common.texts import stored_text
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.rules.phases import State
from deployments.failures.models import Evidence
from deployments.health.commands.operate import request_association_run
from deployments.health.models.configuration import Association, AssociationRun
from deployments.health.models.observing import Observation, Observer
from deployments.stacks.display.remaining import remaining_view
from deployments.stacks.models.action_requests import ActionRequest
from deployments.template_sets.models.versions import TemplateVersion
from tests.builders import make_grant, make_operator
from tests.message_texts import attention, reason
from tests.running import Portal, create_roles
from tests.services import LIMIT, wait_until

PHASES = ("deploy", "observe", "change", "run again", "delete")
OPTIONS = {
    "FlowLogs": "true",
    "AppServersAdmit": "addresses",
    "NatGateways": "one-per-zone",
    "CloudWatchAlarms": "true",
}
CHANGED = {"AppServerCount": "3", "LogRetentionDays": "60"}


@dataclass
class Life:
    """An account with one environment of the bundled set or of a version, taken from phase to phase."""

    portal: Portal
    account: Account
    deployments: list[Deployment] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=lambda: dict(OPTIONS))
    version: TemplateVersion | None = None
    changed: dict[str, str] = field(default_factory=lambda: dict(CHANGED))

    def prepare(self) -> None:
        """Create the roles of the account before the portal first uses it."""
        create_roles(self.account, self.portal.sandbox)

    def go(self, phase: str) -> bool:
        """Run a phase; return whether all of its steps have succeeded."""
        way = {
            "deploy": self._deploy,
            "observe": self._observe,
            "change": self._change,
            "run again": self._run_again,
            "delete": self._delete,
        }
        return way[phase]()

    def _deploy(self) -> bool:
        return self._ended(self.portal.deploy_version(self.version, self.account, self.options))

    def _ended(self, deployment: Deployment) -> bool:
        self.deployments.append(deployment)

        def is_over() -> bool:
            deployment.refresh_from_db()
            return bool(deployment.ended_at or attention(deployment))

        wait_until(is_over, seconds=3 * LIMIT, what=f"the end of {deployment.kind}, or what it needs")
        return deployment.state == State.SUCCEEDED

    def _observe(self) -> bool:
        """Wait until every source has been polled again."""
        environment = self.deployments[0].environment
        rows = list(Observation.objects.of(environment))
        before = {row.pk: row.attempted_at for row in rows}

        def polled() -> bool:
            for row in rows:
                row.refresh_from_db()
            return all(row.attempted_at != before[row.pk] for row in rows)

        now = timezone.now()
        Observation.objects.of(environment).update(due_at=now)
        Observer.objects.filter(account=self.account).update(due_at=now)
        wait_until(polled, what="polls of all sources")
        return not any(row.problem_code for row in rows)

    def _change(self) -> bool:
        made = self.deployments[0]
        made.environment.refresh_from_db()
        parameters = made.environment.parameters | self.changed
        declared = {name: value for name, value in parameters.items() if name in made.parameters}
        user = _admin()
        return self._applied(
            user,
            request_change(
                user=user,
                environment=made.environment,
                parameters=declared,
                reason="",
                request_key=uuid.uuid4(),
                version=self.version,
            ),
        )

    def release(self, version: TemplateVersion) -> bool:
        """Bring a version of the set to the environment; return whether that has succeeded."""
        user, environment = _admin(), self.deployments[0].environment
        environment.refresh_from_db()
        change = request_version(
            user=user, environment=environment, version=version, reason="", request_key=uuid.uuid4()
        )
        return self._applied(user, change)

    def roll_back(self) -> bool:
        """Change the environment back to its creation; return whether that has succeeded."""
        user = _admin()
        change = request_rollback(
            user=user, deployment=self.deployments[0], reason="", request_key=uuid.uuid4()
        )
        return self._applied(user, change)

    def _applied(self, user: User, change: Deployment) -> bool:
        """Apply a change when its preview is shown; return whether it has succeeded."""
        self.deployments.append(change)

        def is_shown() -> bool:
            change.refresh_from_db()
            return bool(change.state == State.PREVIEW or change.ended_at or attention(change))

        wait_until(is_shown, what="the preview of the change")
        if change.state != State.PREVIEW:
            return False
        apply_change(user=user, deployment=change, digest=change.preview_digest)
        self.deployments.pop()
        return self._ended(change)

    def _run_again(self) -> bool:
        environment = self.deployments[0].environment
        user = make_operator(f"operator-{uuid.uuid4().hex[:8]}")
        association = Association.objects.of(environment).first()
        assert association is not None
        row = request_association_run(
            user=user,
            environment=environment,
            association_id=association.association_id,
            only_failed=False,
        )

        def is_over() -> bool:
            row.refresh_from_db()
            return row.ended_at is not None

        wait_until(is_over, what="the request to run the association again")
        return row.state == "done"

    def _delete(self) -> bool:
        succeeded = self._ended(self.portal.remove(self.deployments[0]))
        searches = ActionRequest.objects.filter(
            environment=self.deployments[0].environment, kind="search_remaining"
        )
        if succeeded:
            wait_until(
                lambda: searches.exists() and not searches.filter(ended_at=None).exists(),
                what="the search for what remains",
            )
        return succeeded and not searches.exclude(state="done").exists()

    def texts(self) -> str:
        """Return the texts about failures on the pages of the environment."""
        return "\n".join(filter(None, self._texts()))

    def _texts(self) -> Iterator[str]:
        for one in self.deployments:
            one.refresh_from_db()
            yield from (reason(one), attention(one), stored_text(one.protection_message, ""))
            if remaining := remaining_view(one):
                yield from (text for _service, text in remaining.problems)
            for found in Evidence.objects.of(one):
                yield from (found.text, stored_text(found.problem, ""))
        environment = self.deployments[0].environment
        for observed in Observation.objects.of(environment):
            yield stored_text(observed.problem_sentence, "")
        for run in AssociationRun.objects.of(environment):
            yield from (run.failed_message, run.error_output, run.output)
        for request in ActionRequest.objects.filter(environment=environment):
            yield stored_text(request.result.get("sentence") or {}, "")


def _admin() -> User:
    """Return a new user who may do everything."""
    user = make_operator(f"operator-{uuid.uuid4().hex[:8]}")
    make_grant(user, role="admin")
    return user
