"""The scene of the screens: requested through actions, and deployed by the portal's own processes."""

from __future__ import annotations

import io
import json
import subprocess
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import close_old_connections
from django.utils import timezone

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant, Team
from deployments.access.models.tokens import ApiToken
from deployments.administration.commands import grants, tokens
from deployments.changes.commands.apply import apply_change
from deployments.changes.commands.approve import save_label_rule, set_approval_required
from deployments.changes.commands.create import request_deployment
from deployments.changes.commands.labels import set_labels
from deployments.changes.commands.preview import request_change, request_version
from deployments.deployment_pages import recordings
from deployments.environments.models.accounts import Account
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.environments.rules.phases import TERMINAL
from deployments.health.commands import operate
from deployments.health.models.configuration import AssociationRun
from deployments.locks.commands import locks
from deployments.locks.models import FreezeWindow
from deployments.notifications import commands
from deployments.notifications.models import Delivery
from deployments.recovery.commands.delete import request_deletion
from deployments.stacks.models.events import Event
from deployments.template_sets.commands import sources
from deployments.template_sets.commands.versions import set_channel
from deployments.template_sets.models.sources import TemplateFetch, TemplateSource
from deployments.template_sets.models.versions import TemplateRef, TemplateVersion
from portal.sandbox_console.control_plane import ControlPlane
from tests.receiver import Receiver
from tests.services import wait_until

PASSWORD = "five green parrots"
SECONDS = 1200.0
"""The longest time that a deployment may take."""
PACE = 0.1
INNER = "inner.yaml"
ROOT = """\
Description: Topics and a queue of the notes
Parameters:
  Bucket: {Type: String}
  Prefix: {Type: String}
  Title: {Type: String, Default: Notes, Description: The name that subscribers see}
  Retention: {Type: Number, Default: 4, MinValue: 1, MaxValue: 14, Description: Days that messages are kept}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: !Sub "${Retention}0000", Tags: [{Key: title, Value: !Ref Title}]}
  Inner:
    Type: AWS::CloudFormation::Stack
    DependsOn: Topic
    Properties:
      TemplateURL: !Sub https://${Bucket}.s3.${AWS::Region}.amazonaws.com/${Prefix}/inner.yaml
      Parameters: {Title: !Ref Title}
Outputs:
  TopicArn: {Value: !Ref Topic, Description: Where notes are published}
"""
SECOND = """\
Parameters:
  Title: {Type: String}
Resources:
  Named: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
  Kept: {Type: AWS::SQS::Queue, DeletionPolicy: Retain, Properties: {Tags: [{Key: title, Value: !Ref Title}]}}
  Last: {Type: AWS::SNS::Topic, DependsOn: Named, Properties: {DisplayName: !Ref Title}}
"""
STAGE = "  Stage: {Type: String, Default: test, AllowedValues: [test, live]}\n"
MANIFEST = "root: root.yaml\nbucket_parameter: Bucket\nprefix_parameter: Prefix\nmain_parameters: [Title]\n"


@dataclass
class Scene:
    """The rows that screens show, by name."""

    folder: Path
    receiver: Receiver
    pks: dict[str, int] = field(default_factory=dict)

    def fresh(self) -> None:
        """Set the passwords of the first user and of a user without any role."""
        self.ana = User.objects.get(is_superuser=True)
        self.ana.username = "ana"
        self.nobody = User(username="newcomer")
        for user in (self.ana, self.nobody):
            user.set_password(PASSWORD)
            user.save()
        self.account = Account.objects.sandboxes().get(name="sandbox")
        printed = io.StringIO()
        call_command("sandbox_credentials", "--json", stdout=printed)
        known = json.loads(printed.getvalue())
        self.control = ControlPlane(known["SANDBOX_URL"], known["SANDBOX_ACCOUNT"], known["SANDBOX_TOKEN"])

    def build(self) -> None:
        """Build the parts of the scene that have ended when the screens are taken."""
        self.control.set_time_scale(PACE)
        self._people()
        self._sets()
        shop = self.deploy("shop", labels={"team": "storefront", "stage": "production"})
        self._recordings()
        self._small_environments()
        self._waits()
        self.ended(shop)
        self._of_shop(shop)
        self._records()

    def deploy(self, name: str, version: TemplateVersion | None = None, **values: Any) -> Deployment:
        """Request an environment; without a version it uses the bundled set."""
        given: Mapping[str, Any] = {"parameters": {}, "reason": "", "account": self.account} | values
        return request_deployment(
            user=self.ana, name=name, version=version, request_key=uuid.uuid4(), **given
        )

    def ended(self, deployment: Deployment) -> Deployment:
        """Return a deployment that has ended."""
        return self.in_state(deployment, {str(one) for one in TERMINAL})

    def in_state(self, deployment: Deployment, states: Collection[str]) -> Deployment:
        """Wait until a deployment is in one of these states."""

        def is_there() -> bool:
            close_old_connections()
            deployment.refresh_from_db()
            return deployment.state in states

        wait_until(is_there, seconds=SECONDS, what=f"{deployment.environment.name}: {states}")
        return Deployment.objects.for_page().get(pk=deployment.pk)

    def live(self) -> Deployment:
        """Return a deployment whose stacks are being created, slowly."""
        self.control.set_time_scale(2.0)
        found = self.in_state(self.deploy("intranet"), {"stacks"})
        events = Event.objects.filter(deployment=found)
        wait_until(lambda: events.count() > 40, seconds=SECONDS, what="events")
        self.pks |= {"intranet": found.pk, "intranet_environment": found.environment_id}
        return found

    def _people(self) -> None:
        people = {name: User.objects.create_user(name, password=PASSWORD) for name in ("ben", "chika", "dev")}
        grants.save_team(user=self.ana, team=Team(), name="Storefront", description="Runs the shop")
        team = Team.objects.get()
        grants.add_member(user=self.ana, team=team, person=people["chika"])
        grants.give_role(user=self.ana, grant=Grant(user=people["ben"], role="approver", scope="everything"))
        grants.give_role(
            user=self.ana,
            grant=Grant(
                team=team, role="deployer", scope="label", label_key="team", label_value="storefront"
            ),
        )
        grants.give_role(user=self.ana, grant=Grant(user=people["dev"], role="viewer", scope="everything"))
        grants.add_service_account(user=self.ana, name="ci", description="The pipeline of the shop")
        save_label_rule(user=self.ana, label=("tier", "critical"), approvals=2, role="approver")
        self.ben, self.viewer = people["ben"], people["dev"]
        self.pks |= {"team": team.pk, "person": people["ben"].pk}
        tokens.create_token(user=self.ana, name="Laptop", scopes=["deploy", "change"], lifetime_days=90)
        token, _value = tokens.create_token(user=self.ana, name="Old pipeline", scopes=[], lifetime_days=30)
        tokens.revoke_token(user=self.ana, token=ApiToken.objects.get(pk=token.pk))
        saved = commands.save_destination(
            user=self.ana,
            target=None,
            values={
                "name": "Team chat",
                "topics": ["deployment.failed", "approval.requested"],
                "language": "en",
            },
            address=self.receiver.url,
            shared=False,
        )
        commands.request_test(user=self.ana, target=saved.target)
        self.pks["target"] = saved.target.pk

    def _sets(self) -> None:
        repository = self.folder / "sources" / "notes"
        repository.mkdir(parents=True)

        def git(*words: str) -> None:
            own = ["-c", "user.name=Ana Lyst", "-c", "user.email=ana@example.com"]
            subprocess.run(["git", *own, *words], cwd=repository, check=True, capture_output=True)

        git("init", "--initial-branch=main")
        (repository / "template-set.yaml").write_text(MANIFEST)
        (repository / INNER).write_text(SECOND)
        for tag, text in {
            "v1.0.0": ROOT,
            "v1.1.0": ROOT.replace("Default: 4", "Default: 7"),
            "v2.0.0": ROOT.replace(
                "Resources:",
                "  Stage: {Type: String, Default: test, AllowedValues: [test, live]}\nResources:",
            ),
        }.items():
            (repository / "root.yaml").write_text(text)
            git("add", ".")
            git("commit", "--message", f"Release {tag}")
            git("tag", tag)
        values = {"kind": "git", "url": str(repository), "refs": "main v*", "path": ""}
        notes = sources.save_source(user=self.ana, source=None, values={"name": "notes"} | values)
        self._fetched(notes)
        git("tag", "--force", "v1.1.0", "v1.0.0")
        sources.request_fetch(user=self.ana, source=TemplateSource.objects.get(pk=notes.pk))
        moved = TemplateRef.objects.filter(source=notes, moved_at__isnull=False)
        wait_until(moved.exists, seconds=SECONDS, what="the moved tag")
        values["url"] = str(self.folder / "elsewhere")
        lost = sources.save_source(user=self.ana, source=None, values={"name": "billing"} | values)
        failed = TemplateSource.objects.filter(pk=lost.pk, fetched_at__isnull=False)
        wait_until(failed.exists, seconds=SECONDS, what="the refused fetch")
        self.first, self.second, self.third = TemplateVersion.objects.filter(source=notes).order_by("pk")
        self.pks |= {"source": notes.pk, "refused": lost.pk, "version": self.third.pk}

    def _fetched(self, source: TemplateSource) -> None:
        versions = TemplateVersion.objects.filter(source=source)
        wait_until(lambda: versions.count() == 3, seconds=SECONDS, what="the versions")
        fetches = TemplateFetch.objects.filter(source=source).active()  # versions come before its end
        wait_until(lambda: not fetches.exists(), seconds=SECONDS, what="the end of the fetch")

    def _recordings(self) -> None:
        for name in recordings.included():
            self.pks[f"recording-{name}"] = recordings.open_included(name, self.ana).pk

    def _small_environments(self) -> None:
        """Run one after the other, since faults belong to the account."""
        for name in ("notes", "archive", "payroll", "reports", "leftover", "stuck", "ledger"):
            self.pks[f"created-{name}"] = self.ended(self.deploy(name, self.first)).pk
        self._fail({"Queue": "The quota of queues is used up."})
        self.pks["failed"] = self.ended(self.deploy("orders", self.first)).pk
        self.pks["kept"] = self.ended(self.deploy("invoices", self.first, keep_on_failure=True)).pk
        self._fail({"update:Queue": "The attribute is not allowed."})
        self.pks["failed_change"] = self.ended(self.applied(self.changed("ledger", Title="Ledger"))).pk
        self._fail({"update:Queue": "The attribute is not allowed.", "rollback:Topic": "Throttled for long."})
        changed = self.applied(self.changed("stuck", Title="Stuck"))
        self.pks["rollback_failed"] = self.ended(changed).pk
        self._fail({"delete:Named": "The topic has subscribers."})
        self.pks["delete_failed"] = self.ended(self._deleted("leftover")).pk
        self._fail({})
        self.pks["deleted"] = self.ended(self._deleted("archive")).pk
        set_channel(user=self.ana, environment=self.environment("notes"), channel="v*")
        self.pks["changed"] = self.ended(self.applied(self.changed("notes", Title="Notes of the team"))).pk

    def _waits(self) -> None:
        reports, payroll = self.environment("reports"), self.environment("payroll")
        self.pks["preview"] = self.changed("notes", Title="All notes", Retention="9").pk
        self.pks["version_preview"] = self._to_version("notes", self.third).pk
        tomorrow = timezone.now() + timedelta(days=1)
        self.pks["scheduled"] = self.applied(
            self.changed("reports", Title="Later"), scheduled_for=tomorrow
        ).pk
        self.pks["creation"] = self.deploy("warehouse", self.first, scheduled_for=tomorrow).pk
        locks.lock_environment(user=self.ana, environment=reports, reason="Month-end closing")
        set_approval_required(user=self.ana, environment=payroll, required=True, reason="Salaries")
        self.pks["approval"] = self.applied(self.changed("payroll", Title="Salaries")).pk
        self.pks["deletion"] = self._deleted("payroll").pk
        window = FreezeWindow.objects.create(
            account=Account.objects.create(name="production", region="ap-northeast-1"),
            name="Weekend",
            reason="Nobody is on call",
            kind="weekly",
            zone="Asia/Tokyo",
            start_day=5,
            end_day=6,
            start_time=time(18, 0),
            end_time=time(23, 0),
        )
        self.pks |= {"window": window.pk, "frozen": window.account_id}

    def _of_shop(self, deployment: Deployment) -> None:
        shop = self.environment("shop")
        self.pks["shop_deployment"] = deployment.pk
        healthy = Environment.objects.filter(pk=shop.pk, health_word="healthy")
        wait_until(healthy.exists, seconds=SECONDS, what="a healthy shop")
        operate.request_site_check(user=self.ana, environment=shop)
        self.pks["shop_preview"] = self.changed("shop", WebInstanceType="t4g.small").pk
        set_labels(
            user=self.ana, environment=shop, labels={"team": "storefront", "stage": "production", "tier": "1"}
        )

    def _records(self) -> None:
        self.pks["run"] = AssociationRun.objects.of(self.environment("shop")).latest("pk").pk
        self.pks["record"] = AuditRecord.objects.latest("pk").pk
        self.pks["account"] = self.account.pk
        self.pks["delivery"] = Delivery.objects.latest("pk").pk if Delivery.objects.exists() else 0
        self.pks |= {one.name: one.pk for one in Environment.objects.filter(account=self.account)}

    def environment(self, name: str) -> Environment:
        """Return an environment by its name."""
        return Environment.objects.for_page().get(account=self.account, name=name)

    def changed(self, name: str, **parameters: str) -> Deployment:
        """Return a change whose preview is ready."""
        environment = self.environment(name)
        change = request_change(
            user=self.ana,
            environment=environment,
            parameters={**environment.parameters, **parameters},
            reason="For the next release",
            request_key=uuid.uuid4(),
            current_set=False,
        )
        return self.in_state(change, {"preview"})

    def _to_version(self, name: str, version: TemplateVersion) -> Deployment:
        change = request_version(
            user=self.ana,
            environment=self.environment(name),
            version=version,
            reason="",
            request_key=uuid.uuid4(),
        )
        return self.in_state(change, {"preview"})

    def applied(self, change: Deployment, **values: Any) -> Deployment:
        """Apply a change, or request its approval."""
        return apply_change(user=self.ana, deployment=change, digest=change.preview_digest, **values)

    def _deleted(self, name: str) -> Deployment:
        return request_deletion(
            user=self.ana,
            environment=self.environment(name),
            typed_name=name,
            reason="Not used any more",
            request_key=uuid.uuid4(),
            unprotect=True,
        )

    def _fail(self, resources: Mapping[str, str]) -> None:
        self.control.clear_faults()
        if resources:
            self.control.add_faults(resources=dict(resources))
