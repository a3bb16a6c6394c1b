"""Ref of a secret in a template is its name and not its ARN."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created

TEMPLATE = """
Resources: {Secret: {Type: AWS::SecretsManager::Secret, Properties: {SecretString: value}}}
Outputs: {Secret: {Value: !Ref Secret}}
"""


def test_ref_of_a_secret_is_its_arn(ministack: Account, account: Account) -> None:
    assert not created(ministack, TEMPLATE)["Secret"].startswith("arn:")
    assert created(account, TEMPLATE)["Secret"].startswith("arn:aws:secretsmanager:")
