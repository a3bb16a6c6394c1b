"""The article's set under CloudFormation's role and the policy that its page asks for, with the boundary."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from deployments.template_sets.commands.versions import set_of_version
from deployments.template_sets.models.stored_sets import TemplateCheck
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.rules.set_needs import SetNeeds
from deployments.template_sets.template_files.service_role import needs_beyond
from tests.builders import make_operator
from tests.permissions import granted_actions
from tests.permissions.lifecycle import Life
from tests.running import Portal, client, new_account
from tests.sandbox.article_set.conftest import pack_wheel, with_offered_version
from tests.services import Sandbox, start_sandbox
from tests.template_versions import make_source, make_version

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]

ROLE = "Type: AWS::IAM::Role\n    Properties:\n"
BOUNDARY = "      PermissionsBoundary: !Sub arn:aws:iam::${AWS::AccountId}:policy/sanso-boundary\n"
# The agent lists the bucket, and gives its output an ACL: the article's role allows neither.
READS = "              - Effect: Allow\n                Action: [s3:GetObject, s3:PutObject]\n"
LISTS = (
    "              - {Effect: Allow, Action: [s3:ListBucket, s3:PutObjectAcl], "
    'Resource: !Sub "arn:aws:s3:::${TemplateBucketName}*"}\n'
)
# Each is refused to another kind of resource of the set.
SAMPLE = (
    "autoscaling:CreateAutoScalingGroup",
    "iam:CreateRole",
    "iam:PassRole",
    "lambda:CreateFunction",
    "lambda:PublishLayerVersion",
    "rds:CreateDBCluster",
    "ssm:PutParameter",
)


@pytest.fixture(scope="session")
def records(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose functions can install the driver's wheel."""
    folder = tmp_path_factory.mktemp("article")
    wheels = folder / "wheels"
    wheels.mkdir()
    pack_wheel("pymysql", wheels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        server = start_sandbox(
            folder / "sandbox", machines="records", database=getattr(request, "param", "embedded")
        )
    yield server
    server.stop()


def article(folder: Path, prefix: str, *, with_boundary: bool) -> TemplateVersion:
    """Return the article's set with names that begin with a prefix, which is also that of its files."""
    with_offered_version(folder)
    for file in sorted(folder.glob("fa-094*.yaml")):
        text = file.read_text().replace("fa-094", prefix).replace(READS, LISTS + READS)
        if with_boundary:
            text = text.replace(ROLE, ROLE + BOUNDARY)
        file.unlink()
        file.with_name(file.name.replace("fa-094", prefix)).write_text(text)
    root = folder / f"{prefix}.yaml"
    version = make_version(make_source(prefix), folder, files={root.name: root.read_text()})
    TemplateCheck.objects.create(digest=version.digest, findings=[])
    return version


def prepared(portal: Portal, version: TemplateVersion, needs: SetNeeds, *, needs_boundary: bool) -> Life:
    """Return a life in an account whose role has a policy beside account.yaml's."""
    life = Life(portal, new_account(), options={}, version=version, changed={"WebCapacity": "3"})
    life.prepare()
    iam = client(life.account, "iam", portal.sandbox)
    needed = str(needs_boundary).lower()
    granted_actions.put(iam, life.account.sandbox_account_id, RolesNeedBoundary=needed)
    granted_actions.put_beyond(iam, needs)
    return life


def needs_of(version: TemplateVersion, *, needs_boundary: bool) -> SetNeeds:
    return needs_beyond(set_of_version(version), {}, needs_boundary=needs_boundary)


@pytest.mark.parametrize(
    ("prefix", "has_boundary", "records"),
    # The boundary lets functions read parameters whose names have the prefix of environments only.
    [("fa-094", False, "mariadb"), ("sanso-fa-094", True, "embedded")],
    indirect=["records"],
)
def test_the_articles_set_lives_with_the_policy_that_its_page_asks_for(
    portal: Portal, tmp_path: Path, prefix: str, has_boundary: bool
) -> None:
    version = article(tmp_path / "set", prefix, with_boundary=has_boundary)
    needs = needs_of(version, needs_boundary=has_boundary)
    life = prepared(portal, version, needs, needs_boundary=has_boundary)

    assert life.go("deploy"), life.texts()
    assert life.go("change"), life.texts()
    assert life.go("delete"), life.texts()
    made = granted_actions.decisions(portal.sandbox, life.account.sandbox_account_id)
    assert [one for one in made if not one["allowed"]] == []


def test_without_one_action_of_the_policy_the_set_is_refused_with_its_name(
    portal: Portal, tmp_path: Path
) -> None:
    make_operator("operator")
    version = article(tmp_path / "set", "fa-094", with_boundary=False)
    needs = needs_of(version, needs_boundary=False)
    lives = {
        action: prepared(portal, version, without(needs, action), needs_boundary=False) for action in SAMPLE
    }

    def deploy(life: Life) -> bool:
        try:
            return life.go("deploy")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        succeeded = dict(zip(lives, pool.map(deploy, lives.values()), strict=True))

    assert not any(succeeded.values()), succeeded
    for action, life in lives.items():
        texts = life.texts()
        assert f"is not authorized to perform: {action} on resource: arn:aws:" in texts, texts
        assert "sanso-cloudformation" in texts, texts


def without(needs: SetNeeds, action: str) -> SetNeeds:
    """Return a policy without one of its actions."""
    left = [
        replace(one, actions=tuple(name for name in one.actions if name != action))
        for one in needs.statements
    ]
    assert left != list(needs.statements), f"{action} is not in the policy"
    return replace(needs, statements=tuple(one for one in left if one.actions))
