"""Generated passwords of secrets ignore most of GenerateSecretString (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-secretsmanager-secret-generatesecretstring.html
"""

import json
from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from sanso_sandbox.engine.registry import Properties, Record


def install() -> None:
    """Install the generation."""
    provisioners._sm_secret_string = _secret_string


def _secret_string(properties: Properties) -> str:
    """Return the value that a template declares, or a password generated with the declared alphabet."""
    wanted = properties.get("GenerateSecretString")
    if properties.get("SecretString") or not wanted:
        return str(properties.get("SecretString") or "")
    options: Record = {}
    for key, part in wanted.items():
        options[key] = (
            str(part).lower() == "true" if key.startswith(("Exclude", "Include", "Require")) else part
        )
    if "ExcludeCharacters" in wanted:
        options["ExcludeCharacters"] = str(wanted["ExcludeCharacters"])
    options["PasswordLength"] = int(wanted.get("PasswordLength", 32))
    status, _headers, body = secretsmanager._get_random_password(options)
    answer: Any = json.loads(body)
    if status != 200:
        raise ValueError(
            answer.get("message") or answer.get("Message") or "The password could not be generated."
        )
    password = str(answer["RandomPassword"])
    if not wanted.get("SecretStringTemplate"):
        return password
    content = json.loads(wanted["SecretStringTemplate"])
    content[wanted.get("GenerateStringKey", "password")] = password
    return json.dumps(content)
