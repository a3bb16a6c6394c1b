"""The banner names the first failed resource at any depth, the reason, and the action to take."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser
from pytest_django import Settings

from deployments.aws import session
from deployments.common.models import leases
from deployments.common.rules.plain_reason import unwrapped
from deployments.environments.models.deployments import Deployment
from deployments.failures.rules.catalogue import by_code
from deployments.stacks.models.action_requests import ActionRequest
from deployments.steps import step
from deployments.template_sets import template_files
from deployments.template_sets.models.stored_sets import TemplateCheck
from tests import parts
from tests.browsers import close
from tests.builders import make_deployment, make_environment, make_user
from tests.flows.conftest import WIDE
from tests.flows.rendered_pages import first_failure_is_in_view, open_rendered
from tests.message_texts import attention
from tests.pages.pages import Element, page
from tests.running import new_account
from tests.services import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(360)]
SECONDS = 240
ARTIFACTS = "the artifact objects in S3"
EMPTY = "The empty stack keeps the name “broken” in use."
WITH_LOG = f"2 resources remain in AWS and are billed: a log group, {ARTIFACTS}. {EMPTY}"


@dataclass(frozen=True)
class Case:
    """A failure to inject, and the expected contents of the banner."""

    leaf: str  # the path of the resource
    code: str  # the cause's code in the catalogue, or "" if it has none
    reason: str = ""  # "" for the catalogue's example
    parameters: dict[str, str] = field(default_factory=dict)
    injected: bool = True
    evidence: str = ""
    why: str = ""  # the end of the banner's first sentence
    remains: str = f"1 resource remains in AWS and is billed: {ARTIFACTS}. {EMPTY}"  # the second sentence
    hint: str = "Deletes the empty stack, then opens the form with these values."  # beside the main action
    more_faults: dict[str, str] = field(default_factory=dict)
    state: str = "rolled_back"

    @property
    def message(self) -> str:
        """The reason in the CloudFormation event."""
        known = by_code(self.code)
        return self.reason or (known.example if known else "")

    def __str__(self) -> str:
        return f"{self.code or 'unknown'}-{self.leaf.replace('/', '.')}"


CASES = (
    Case("Topic", "Quota", why="Account quota exceeded."),
    Case("Topic", ""  , reason="A new kind of trouble that nobody has words for.",
         why="A new kind of trouble that nobody has words for."),
    Case("Network/Vpc", "QuotaVpcs", why="VPC quota exceeded in this region."),
    Case("Network/Vpc", "DeniedByOrganization",
         why="The organization denies ec2:CreateVpc in this account."),
    Case("Network/Second", "NoFreeAddresses", why="The subnet has no free addresses."),
    Case("Network/Second", "CidrConflict", why="Subnet address ranges overlap."),
    Case("Network/Second", "CidrInvalid", why="Address range rejected by AWS."),
    Case("Network/Inner/Group", "NameExists", why="A resource with this name already exists."),
    Case("Network/Inner/Group", "InUse", why="Still in use by a resource outside the stack."),
    Case("Network/Inner/Deep/Role", "Denied", why="AWS denied rds:CreateDBCluster."),
    Case("Network/Inner/Deep/Role", "MayNotPassRole", why="CloudFormation is not allowed to pass the role "
         "arn:aws:iam::123456789012:role/app."),
    Case("Network/Inner/Deep/Queue", "Throttled", why="Throttled by AWS."),
    Case("Network/Inner/Deep/Queue", "AwsFault", why="Internal error in AWS."),
    Case("Network/Inner/Deep/Queue", "NotStabilized", why="The resource did not stabilize in time."),
    Case("Data/SubnetGroup", "TwoZonesNeeded",
         why="Subnets in at least two Availability Zones are required."),
    Case("Data/SubnetGroup", "QuotaDatabases", why="Database quota exceeded in this region."),
    Case("Data/SubnetGroup", "EngineVersion", why="Database version not available in this region."),
    Case("Data/Document", "DocumentInvalid", why="Systems Manager document not found or not readable."),
    Case("Data/Function", "CodeMissing", why="The code of a function could not be read from S3."),
    Case("Data/Function", "RoleNotAssumable", why="The service cannot assume its role."),
    Case("Data/Function", "FunctionInvalid", why="Lambda no longer supports the runtime of the function."),
    Case("Data/Function", "FunctionInvalid", reason="The runtime parameter of python2.7 is no longer",
         why="Lambda no longer supports the runtime of the function.",
         parameters={"Runtime": "python2.7"}, injected=False),
    Case("Network/Second", "TargetGroupInUse", why="The target group belongs to another load balancer."),
    Case("Data/Table", "CustomResourceSilent", why="The function of a custom resource did not respond."),
    Case("Data/Table", "CustomResourceFailed", reason="The table could not be made.",
         why="The function of the custom resource reported “The table could not be made”.", remains=WITH_LOG,
         parameters={"Answer": "FAILED"}, injected=False, evidence="looking for the table of Table"),
    Case("Data/Table", "PropertyInvalid", why="Invalid resource property."),
    Case("Network/Inner/Deep/Queue", "Throttled", why="Throttled by AWS.", state="failed",
         more_faults={"delete:Role": "Cannot delete entity, must detach all policies first."},
         remains=f"3 resources remain in AWS and 1 is billed: {ARTIFACTS}.",
         hint="Deletes the stack with the 2 resources in it, then opens the form with these values."),
    Case("Rows", "CustomResourceFailed", reason="The table could not be made.",
         why="The function of the custom resource reported “The table could not be made”.", remains=WITH_LOG,
         parameters={"RootAnswer": "FAILED"}, injected=False, evidence="looking for the table of Rows"),
)  # fmt: skip


@pytest.fixture(scope="module")
def template_set() -> template_files.TemplateSet:
    return template_files.load(Path(__file__).parent / "failing_set")


@pytest.fixture
def as_text(template_set: template_files.TemplateSet, settings: Settings, sandbox: Sandbox) -> Sandbox:
    settings.SANSO_TEMPLATE_SET = template_set.folder
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return sandbox


def test_the_banner_names_the_first_failure_and_its_reason(
    as_text: Sandbox,
    template_set: template_files.TemplateSet,
    client: Client,
    subtests: pytest.Subtests,
    chromium: Browser,
) -> None:
    cases = parts.some(CASES, 12)
    requested = [_requested_for(case, template_set, as_text) for case in cases]

    _to_their_ends(requested)
    _search_what_remains()

    context = chromium.new_context(viewport=WIDE)
    tab = context.new_page()
    for case, deployment in zip(cases, requested, strict=True):
        with subtests.test(str(case)):
            ended = Deployment.objects.for_page().get(pk=deployment.pk)
            assert ended.state == case.state
            shown = _page(client, ended)
            banner = shown.one(id="banner")
            assert " ▸ ".join(case.leaf.split("/")) in banner.text
            assert " ".join(unwrapped(case.message).split()) in banner.text
            assert "Resource handler returned message" not in banner.text
            assert banner.one(id="cause").attributes.get("data-cause", "") == case.code
            assert case.evidence in banner.text
            name = case.leaf.rpartition("/")[2]
            assert banner.one(id="end-title").text == f"{name} could not be created: {case.why}"
            assert banner.one(id="remains").text == case.remains
            assert banner.text.count(case.why.rstrip(".”")) == 1
            assert banner.one(id="main-action").text == "Clean up and retry…"
            assert banner.one(id="main-hint").text == case.hint
            row = shown.one("tr", class_="is-first")
            assert row["id"] == f"t-{case.leaf.replace('/', '.')}"
            assert "✕ Failed" in row.text
            undone = [one.text for one in shown.all("tr") if "Rollback ·" in one.text]
            assert all(any(met in text for text in undone) for met in case.more_faults.values())
            assert "First failure" in row.text
            details = page(client.get(ended.get_absolute_url(), {"row": case.leaf})).one(id="inspector")
            assert details.one("h2").text == name
            followed = details.one(id="what-followed").text
            assert ended.environment.stack_name + "-" not in followed  # nested stacks have their own names
            assert ("Rollback failed for 1 resource" in followed) == bool(case.more_faults)
            assert ("1 more resource failed" in banner.text) == bool(case.more_faults)
            counted = [row["class"].split() for row in shown.all("tr", class_="is-counted")]
            assert canceled_in(banner) == sum("is-canceled" in classes for classes in counted)
            assert sum("is-problem" in classes for classes in counted) == 1 + len(case.more_faults)
            assert banner.one("a", data_first_failure="")["href"].endswith(
                f"?{urlencode({'row': case.leaf})}"
            )
            open_rendered(tab, ended.get_absolute_url(), client.get(ended.get_absolute_url()).content)
            first_failure_is_in_view(tab)
    close(context)


def canceled_in(banner: Element) -> int:
    """Return the banner's number of canceled resources, or 0 if it has none."""
    found = re.search(r"(\d+) resources? canceled as a result", banner.text)
    return int(found[1]) if found else 0


def _requested_for(case: Case, template_set: template_files.TemplateSet, sandbox: Sandbox) -> Deployment:
    account = new_account()
    if case.injected:
        fault = {"resources": {case.leaf.rpartition("/")[2]: case.message} | case.more_faults}
        sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    environment = make_environment("broken", account=account)
    return make_deployment(environment, template_digest=template_set.digest, parameters=case.parameters)


def _to_their_ends(deployments: list[Deployment]) -> None:
    """Run steps of all deployments in turn, as a worker does, until all have ended."""
    mine = Deployment.objects.active().filter(pk__in=[deployment.pk for deployment in deployments])
    until = time.monotonic() + SECONDS
    while left := list(mine):
        assert time.monotonic() < until, [(one.state, attention(one)) for one in left]
        mine.update(due_at=timezone.now() - timedelta(seconds=1))
        for pk, version in leases.claim_due(mine, timezone.now(), timedelta(seconds=30)):
            step.run_deployment(pk, version, session.connect)


def _search_what_remains() -> None:
    """Run the search for remaining resources, which a worker does a few seconds after the end."""
    rows, until = ActionRequest.objects.active(), time.monotonic() + SECONDS
    while list(rows):
        assert time.monotonic() < until
        rows.update(due_at=timezone.now() - timedelta(seconds=1))
        for pk, version in leases.claim_due(rows, timezone.now(), timedelta(seconds=30)):
            step.run_action_request(pk, version, session.connect)


def _page(client: Client, deployment: Deployment) -> Element:
    client.force_login(make_user())
    type(deployment.environment).objects.update(latest=deployment)
    return page(client.get(deployment.get_absolute_url()))


def test_a_rejected_change_set_names_the_nested_stack_and_its_file(
    template_set: template_files.TemplateSet,
    settings: Settings,
    sandbox: Sandbox,
    client: Client,
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    """CloudFormation names the missing parameter or file, but not the nested stack."""
    wrong = {
        "must have values": ("network.yaml", "Parameters: {", "Parameters: {Side: {Type: String}, "),
        "does not exist": ("inner.yaml", "/deep.yaml", "/lost.yaml"),
    }
    titles = {
        "must have values": "CloudFormation rejected the nested stack Network (network.yaml): "
        "Parameters must have values: Side.",
        "does not exist": "CloudFormation rejected the nested stack Network ▸ Inner ▸ Deep (lost.yaml): The "
        "template of a nested stack does not exist.",
    }
    for message, (file, old, new) in wrong.items():
        folder = tmp_path / file
        shutil.copytree(template_set.folder, folder)
        text = (folder / file).read_text()
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1))
        settings.SANSO_TEMPLATE_SET = folder
        changed = template_files.load(folder)
        TemplateCheck.objects.create(digest=changed.digest, findings=[])
        deployment = make_deployment(
            make_environment("broken", account=new_account()), template_digest=changed.digest
        )

        _to_their_ends([deployment])
        _search_what_remains()

        with subtests.test(message):
            banner = _page(client, deployment).one(id="banner")
            assert banner.one(id="end-title").text == titles[message]
            assert message in banner.text
            assert banner.one(id="remains").text == (
                f"CloudFormation created nothing. 1 resource remains in AWS and is billed: {ARTIFACTS}."
            )
            assert banner.one(id="main-action").text == "Retry with these values"
            assert not banner.all("a", data_reveal="")  # there is no row to link to
