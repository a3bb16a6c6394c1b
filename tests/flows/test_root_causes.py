"""The banner names the resource that failed first, however deep, the reason, and what to do."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from deployments import catalog
from deployments.aws import session
from deployments.core.causes.catalogue import by_code
from deployments.models import Deployment, TemplateCheck, leases
from deployments.runner import step
from tests.builders import make_deployment, make_environment, make_user
from tests.running import new_account
from tests.services import Sandbox
from tests.views.pages import Element, page
from tests.wordings import attention

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(360)]
SECONDS = 240


@dataclass(frozen=True)
class Case:
    """A failure to inject, and what the banner must contain."""

    leaf: str  # its path
    code: str  # of the cause in the catalogue, "" if it is not in there
    reason: str = ""  # "" uses the catalogue's example
    parameters: dict[str, str] = field(default_factory=dict)
    injected: bool = True
    evidence: str = ""

    @property
    def said(self) -> str:
        """Return the reason in AWS's event."""
        known = by_code(self.code)
        return self.reason or (known.example if known else "")

    def __str__(self) -> str:
        return f"{self.code or 'unknown'}-{self.leaf.replace('/', '.')}"


CASES = (
    Case("Topic", "Quota"),
    Case("Topic", ""  , reason="A new kind of trouble that nobody has words for."),
    Case("Network/Vpc", "QuotaVpcs"),
    Case("Network/Vpc", "DeniedByOrganization"),
    Case("Network/Second", "NoFreeAddresses"),
    Case("Network/Second", "CidrConflict"),
    Case("Network/Second", "CidrInvalid"),
    Case("Network/Inner/Group", "NameExists"),
    Case("Network/Inner/Group", "InUse"),
    Case("Network/Inner/Deep/Role", "Denied"),
    Case("Network/Inner/Deep/Role", "MayNotPassRole"),
    Case("Network/Inner/Deep/Queue", "Throttled"),
    Case("Network/Inner/Deep/Queue", "AwsFault"),
    Case("Network/Inner/Deep/Queue", "NotStabilized"),
    Case("Data/SubnetGroup", "TwoZonesNeeded"),
    Case("Data/SubnetGroup", "QuotaDatabases"),
    Case("Data/SubnetGroup", "EngineVersion"),
    Case("Data/Document", "DocumentInvalid"),
    Case("Data/Function", "CodeMissing"),
    Case("Data/Function", "RoleNotAssumable"),
    Case("Data/Function", "FunctionInvalid"),
    Case("Data/Table", "CustomResourceSilent"),
    Case("Data/Table", "CustomResourceFailed", reason="The table could not be made.",
         parameters={"Answer": "FAILED"}, injected=False, evidence="looking for the table of Table"),
    Case("Data/Table", "PropertyInvalid"),
    Case("Rows", "CustomResourceFailed", reason="The table could not be made.",
         parameters={"RootAnswer": "FAILED"}, injected=False, evidence="looking for the table of Rows"),
)  # fmt: skip


@pytest.fixture(scope="module")
def template_set() -> catalog.TemplateSet:
    return catalog.load(Path(__file__).parent / "failing_set")


@pytest.fixture
def in_words(template_set: catalog.TemplateSet, settings: Settings, sandbox: Sandbox) -> Sandbox:
    settings.SANSO_TEMPLATE_SET = template_set.folder
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return sandbox


def test_the_banner_names_the_first_failure_and_its_reason(
    in_words: Sandbox, template_set: catalog.TemplateSet, client: Client, subtests: pytest.Subtests
) -> None:
    asked = [_asked_for(case, template_set, in_words) for case in CASES]

    _to_their_ends(asked)

    for case, deployment in zip(CASES, asked, strict=True):
        with subtests.test(str(case)):
            ended = Deployment.objects.for_page().get(pk=deployment.pk)
            assert ended.state == "rolled_back"
            banner = _banner(client, ended)
            assert " ▸ ".join(case.leaf.split("/")) in banner.text
            assert " ".join(case.said.split()) in banner.text
            assert banner.one(id="cause").attributes.get("data-cause", "") == case.code
            assert "Edit and retry" in banner.text
            assert case.evidence in banner.text


def _asked_for(case: Case, template_set: catalog.TemplateSet, sandbox: Sandbox) -> Deployment:
    account = new_account()
    if case.injected:
        fault = {"resources": {case.leaf.rpartition("/")[2]: case.said}}
        sandbox.control("POST", "faults", fault, account=account.sandbox_account_id)
    environment = make_environment("broken", account=account)
    return make_deployment(environment, template_digest=template_set.digest, parameters=case.parameters)


def _to_their_ends(deployments: list[Deployment]) -> None:
    """Take steps of all deployments in turn, as a worker does, until all have ended."""
    mine = Deployment.objects.active().filter(pk__in=[deployment.pk for deployment in deployments])
    until = time.monotonic() + SECONDS
    while left := list(mine):
        assert time.monotonic() < until, [(one.state, attention(one)) for one in left]
        mine.update(due_at=timezone.now() - timedelta(seconds=1))
        for pk, version in leases.claim_due(mine, timezone.now(), timedelta(seconds=30)):
            step.run_deployment(pk, version, session.connect)


def _banner(client: Client, deployment: Deployment) -> Element:
    client.force_login(make_user())
    type(deployment.environment).objects.update(latest=deployment)
    return page(client.get(deployment.get_absolute_url())).one(id="banner")
