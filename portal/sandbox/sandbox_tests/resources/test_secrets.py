"""Secrets, parameters and roles in templates."""

from __future__ import annotations

import json
import re

from sandbox_tests.engine.conftest import Account
from sandbox_tests.resources.conftest import changed, gone, made

SECRET = """
Parameters:
  Said: {Type: String, Default: first}
Resources:
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Description: !Ref Said
      GenerateSecretString:
        SecretStringTemplate: '{"username": "datelog"}'
        GenerateStringKey: password
        PasswordLength: 40
        ExcludeCharacters: '"@/\\'
        ExcludePunctuation: true
  Use:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub "{{resolve:secretsmanager:${Secret}:SecretString:username}}"}
Outputs:
  Ref: {Value: !Ref Secret}
  Id: {Value: !GetAtt Secret.Id}
  Use: {Value: !GetAtt Use.Value}
"""


def test_a_secret_is_known_by_its_arn_and_has_the_password_asked_for(account: Account) -> None:
    outputs = account.outputs(made(account, "secret", SECRET))
    assert outputs["Ref"] == outputs["Id"]
    assert re.fullmatch(r"arn:aws:secretsmanager:ap-northeast-1:\d{12}:secret:[\w-]+-\w{6}", outputs["Id"])
    assert outputs["Use"] == "datelog"
    value = json.loads(
        account.client("secretsmanager").get_secret_value(SecretId=outputs["Ref"])["SecretString"]
    )
    assert re.fullmatch(r"[A-Za-z0-9]{40}", value["password"])


def test_another_description_keeps_the_value(account: Account) -> None:
    stack = made(account, "secret", SECRET)
    outputs = account.outputs(stack)
    manager = account.client("secretsmanager")
    before = manager.get_secret_value(SecretId=outputs["Id"])["SecretString"]
    changed(account, stack, SECRET, Said="second")
    assert account.outputs(stack) == outputs
    assert manager.get_secret_value(SecretId=outputs["Id"])["SecretString"] == before
    assert manager.describe_secret(SecretId=outputs["Id"])["Description"] == "second"
    gone(account, stack)
    assert manager.list_secrets()["SecretList"] == []
