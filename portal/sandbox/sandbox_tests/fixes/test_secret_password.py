"""Generated passwords of secrets ignore most of GenerateSecretString."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import created

# Long enough to contain a digit whichever characters are chosen.
TEMPLATE = """
Resources:
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {GenerateSecretString: {PasswordLength: 1000, ExcludeNumbers: true}}
Outputs: {Secret: {Value: !Ref Secret}}
"""


def test_a_generated_password_has_the_characters_that_the_template_allows(
    ministack: Account, account: Account
) -> None:
    assert any(character.isdigit() for character in _password(ministack))
    assert not any(character.isdigit() for character in _password(account))


def _password(account: Account) -> str:
    secret = created(account, TEMPLATE)["Secret"]
    return str(account.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])
