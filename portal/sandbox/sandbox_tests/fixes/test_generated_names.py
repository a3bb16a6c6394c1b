"""Log groups and parameters without a name get the same one each time a stack is created."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account

TEMPLATE = """
Resources:
  Group: {Type: AWS::Logs::LogGroup}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: value}}
Outputs:
  Group: {Value: !Ref Group}
  Parameter: {Value: !Ref Parameter}
"""


def test_generated_names_differ_each_time(ministack: Account, account: Account) -> None:
    assert _names(ministack) == _names(ministack)
    assert not set(_names(account)) & set(_names(account))


def _names(account: Account) -> list[str]:
    stack = account.create("same-name", TEMPLATE)
    names = list(account.outputs(stack).values())
    account.delete(stack)
    return names
