"""CloudFormation creates functions and layers whose package is not in S3."""

from __future__ import annotations

import pytest

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.test_functions import ROLE

FUNCTION = f"""
Resources:{ROLE}
  Missing:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {{S3Bucket: a-bucket-of-nobody, S3Key: package.zip}}
"""
LAYER = """
Resources:
  Missing:
    Type: AWS::Lambda::LayerVersion
    Properties: {Content: {S3Bucket: a-bucket-of-nobody, S3Key: package.zip}}
"""


@pytest.mark.parametrize("template", [FUNCTION, LAYER], ids=["function", "layer"])
def test_a_package_has_to_be_there(ministack: Account, account: Account, template: str) -> None:
    assert _status(ministack, template) == "CREATE_COMPLETE"
    assert _status(account, template) == "ROLLBACK_COMPLETE"


def _status(account: Account, template: str) -> str:
    return account.status(account.create("package", template, Capabilities=["CAPABILITY_IAM"]))
