"""Whatever fails, however deep: the banner names the leaf and the true reason, and says what to do."""

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
from deployments.runner import tick
from tests.builders import make_deployment, make_environment, make_user
from tests.running import new_account
from tests.services import Sandbox
from tests.views.pages import Element, page

pytestmark = [pytest.mark.django_db]
SECONDS = 60


@dataclass(frozen=True)
class Case:
    """What is made to fail, and what the banner has to name."""

    leaf: str  # its path
    code: str  # of the cause in the catalogue, "" when nobody knows it
    reason: str = ""  # "" uses the catalogue's example
    parameters: dict[str, str] = field(default_factory=dict)
    injected: bool = True
    evidence: str = ""

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
)  # fmt: skip


@pytest.fixture(scope="module")
def template_set() -> catalog.TemplateSet:
    return catalog.load(Path(__file__).parent / "failing_set")


@pytest.fixture
def in_words(template_set: catalog.TemplateSet, settings: Settings, sandbox: Sandbox) -> Sandbox:
    settings.SANSO_TEMPLATE_SET = template_set.folder
    TemplateCheck.objects.create(digest=template_set.digest, findings=[])
    return sandbox


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_banner_names_the_leaf_and_the_true_reason(
    case: Case, in_words: Sandbox, template_set: catalog.TemplateSet, client: Client
) -> None:
    known = by_code(case.code)
    reason = case.reason or (known.example if known else "")
    deployment = _asked_for(template_set, case.parameters)
    if case.injected:
        fault = {"resources": {case.leaf.rpartition("/")[2]: reason}}
        account = deployment.environment.account.sandbox_account_id
        in_words.control("POST", "faults", fault, account=account)

    ended = _to_its_end(deployment)

    banner = _banner(client, ended)
    assert ended.state == "rolled_back"
    assert " ▸ ".join(case.leaf.split("/")) in banner.text
    assert " ".join(reason.split()) in banner.text
    assert banner.one(id="cause").attributes.get("data-cause", "") == case.code
    assert "Edit and try again" in banner.text
    assert case.evidence in banner.text


def _asked_for(template_set: catalog.TemplateSet, parameters: dict[str, str]) -> Deployment:
    environment = make_environment("broken", account=new_account())
    return make_deployment(environment, template_digest=template_set.digest, parameters=parameters)


def _to_its_end(deployment: Deployment) -> Deployment:
    """Let the deployment take its steps against the sandbox as a worker would, one after the other."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        fresh = Deployment.objects.for_page().get(pk=deployment.pk)
        if not fresh.is_active:
            return fresh
        Deployment.objects.active().filter(pk=fresh.pk).update(due_at=timezone.now() - timedelta(seconds=1))
        for pk, version in leases.claim_due(
            Deployment.objects.active().filter(pk=fresh.pk), timezone.now(), timedelta(seconds=30)
        ):
            tick.run_deployment(pk, version, session.connect)
    raise AssertionError(f"still {fresh.state}: {fresh.attention}")


def _banner(client: Client, deployment: Deployment) -> Element:
    client.force_login(make_user())
    type(deployment.environment).objects.update(latest=deployment)
    return page(client.get(deployment.get_absolute_url())).one(id="banner")
