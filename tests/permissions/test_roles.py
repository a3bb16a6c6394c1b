"""The least-privilege roles suffice for an environment, and failures name the action that is missing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from deployments.aws import session
from deployments.common.errors import AwsAccessError
from tests.builders import make_operator
from tests.permissions import granted_actions
from tests.permissions.lifecycle import PHASES, Life
from tests.permissions.unused import UNUSED
from tests.running import Portal, client, new_account

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]

# One of each kind of step; `make check-permissions` takes every action away (sweep.py).
SAMPLE = {
    "s3:CreateBucket": ("sanso-portal", "artifacts"),
    "cloudformation:CreateChangeSet": ("sanso-portal", "stacks"),
    "ec2:CreateVpc": ("sanso-cloudformation", "network"),
    "iam:PassRole": ("sanso-cloudformation", "roles"),
    "iam:CreateServiceLinkedRole": ("sanso-cloudformation", "roles"),
}


def test_the_roles_suffice_for_an_environment_and_unused_actions_are_explained(portal: Portal) -> None:
    life = Life(portal, new_account())

    for phase in PHASES:
        assert life.go(phase), f"{phase}: {life.texts()}"

    made = granted_actions.decisions(portal.sandbox, life.account.sandbox_account_id)
    assert [one for one in made if not one["allowed"]] == []
    used = {(one["principal"], one["action"]) for one in made}
    never = {
        role: {
            action
            for action, policy in actions.items()
            if policy != granted_actions.READS
            and not any(one == f"role/{role}" and granted_actions.matches(name, action) for one, name in used)
        }
        for role, actions in granted_actions.actions().items()
    }
    unexplained = {role: sorted(actions - set(UNUSED[role])) for role, actions in never.items()}
    assert unexplained == {"sanso-portal": [], "sanso-cloudformation": []}
    of_the_account = {f"role/{name}" for name in granted_actions.ROLES.values()}
    by_environment = {
        action
        for principal, action in used
        if principal.startswith("role/") and principal not in of_the_account
    }
    assert {"s3:GetObject", "cloudformation:SignalResource", "ssm:GetDocument"} <= by_environment


def test_the_strict_roles_suffice_and_start_no_association_of_somebody_else(portal: Portal) -> None:
    life = Life(portal, new_account())
    life.prepare()
    account = life.account.sandbox_account_id
    granted_actions.put(client(life.account, "iam", portal.sandbox), account, Scope="strict")

    for phase in PHASES:
        assert life.go(phase), f"{phase}: {life.texts()}"

    made = granted_actions.decisions(portal.sandbox, account)
    assert [one for one in made if not one["allowed"]] == []
    theirs = client(life.account, "ssm", portal.sandbox).create_association(
        Name="AWS-RunShellScript",
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        Parameters={"commands": ["true"]},
    )["AssociationDescription"]["AssociationId"]
    with pytest.raises(AwsAccessError, match="not authorized to perform: ssm:StartAssociationsOnce"):
        session.connect(life.account.ref()).ssm.start_associations_once([theirs])


def test_a_creation_that_lacks_an_action_names_it_and_the_role(portal: Portal) -> None:
    make_operator("operator")
    lives = {action: Life(portal, new_account()) for action in SAMPLE}
    for action, life in lives.items():
        life.prepare()
        role, policy = SAMPLE[action]
        iam = client(life.account, "iam", portal.sandbox)
        granted_actions.take_away(iam, life.account.sandbox_account_id, role, policy, action)

    def deploy(life: Life) -> bool:
        try:
            return life.go("deploy")
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        succeeded = list(pool.map(deploy, lives.values()))

    assert not any(succeeded)
    for action, life in lives.items():
        texts = life.texts()
        assert action in texts, texts
        assert SAMPLE[action][0] in texts, texts


def test_a_server_that_may_not_download_its_playbook_fails_at_once_with_the_reason(portal: Portal) -> None:
    life = Life(portal, new_account())
    life.prepare()
    iam = client(life.account, "iam", portal.sandbox)
    granted_actions.take_from_boundary(iam, life.account.sandbox_account_id, "s3:ListBucket")
    # The rollback takes its time, as on AWS, so that the output of the servers is read before it.
    portal.sandbox.control("POST", "pace", {"pace": 0.1}, account=life.account.sandbox_account_id)

    assert not life.go("deploy")

    texts = life.texts()
    assert "FAILURE signal" in texts, texts  # not a timeout
    assert "s3:ListBucket" in texts
    assert "because no permissions boundary allows the s3:ListBucket action" in texts
