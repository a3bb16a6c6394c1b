"""An account outside of the sandbox: real credentials in the worker's environment, and a role to assume.

The endpoint is the sandbox, but it is set only by botocore's own AWS_ENDPOINT_URL, not in the portal.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from deployments.environments.models.accounts import Account
from deployments.environments.rules.phases import State
from tests.builders import REGION
from tests.message_texts import reason
from tests.running import Portal, client
from tests.services import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
NUMBER = str(uuid.uuid4().int)[:12]


@pytest.fixture
def with_credentials(portal: Portal, sandbox: Sandbox) -> Iterator[Portal]:
    portal.worker.kill()
    portal.environment |= sandbox.variables(NUMBER)
    portal.start()
    yield portal
    sandbox.control("POST", "reset", account=NUMBER)


@pytest.mark.parametrize(
    "role", ["", f"arn:aws:iam::{NUMBER}:role/sanso-portal"], ids=["own credentials", "a role"]
)
def test_an_account_with_credentials_can_be_deployed_to(
    with_credentials: Portal, sandbox: Sandbox, role: str
) -> None:
    account = Account.objects.create(name="production", region=REGION, role_arn=role)
    if role:  # as infra_templates/account.yaml creates it
        created = {"name": "portal", "external_id": account.external_id}
        sandbox.control("POST", "keys", created, account=NUMBER)
        account.service_role_arn = f"arn:aws:iam::{NUMBER}:role/sanso-cloudformation"
        account.save()

    (made,) = with_credentials.wait_for_end(with_credentials.deploy(account=account))
    assert (made.state, reason(made)) == (State.SUCCEEDED, "")
    account.sandbox_account_id = NUMBER  # for this test's own calls only
    stacks = client(account, "cloudformation", sandbox).describe_stacks()["Stacks"]
    assert "sanso-staging" in {stack["StackName"] for stack in stacks}

    (removed,) = with_credentials.wait_for_end(with_credentials.remove(made))
    assert removed.state == State.SUCCEEDED


def test_a_deployment_without_credentials_fails_and_explains_what_to_do(portal: Portal) -> None:
    account = Account.objects.create(name="production", region=REGION)

    (ended,) = portal.wait_for_end(portal.deploy(account=account))

    assert ended.error_code == "NoCredentialsError"
    assert "Configure credentials for the worker" in reason(ended)
