"""Inline code of a function is not packed as AWS packs it."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created
from sandbox_tests.resources.test_functions import ROLE

TEMPLATE = f"""
Parameters:
  Handler: {{Type: String}}
Resources:{ROLE}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: !Ref Handler
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import cfnresponse
          def handler(event, context): pass
Outputs: {{Function: {{Value: !Ref Function}}}}
"""


def test_inline_code_is_a_file_called_index_beside_cfnresponse(ministack: Account, account: Account) -> None:
    assert not _runs(ministack, "index.handler")
    assert _runs(account, "index.handler")
    assert not _runs(account, "another.handler")


def _runs(account: Account, handler: str) -> bool:
    outputs = created(account, TEMPLATE, Parameters=[{"ParameterKey": "Handler", "ParameterValue": handler}])
    return "FunctionError" not in account.client("lambda").invoke(FunctionName=outputs["Function"])
