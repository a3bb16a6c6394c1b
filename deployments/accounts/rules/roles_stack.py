"""How an administrator creates the stack of account.yaml: a command, or a link to the console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from deployments.aws.regions import console_page
from deployments.environments.rules.account_template import STACK

PLACEHOLDER: Final = "arn:aws:iam::111111111111:role/sanso"
"""The portal's identity where no setting names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolesStack:
    """The stack of account.yaml in one account and region.

    Args:
        principal: the ARN of the portal's identity, "" if no setting names it.
    """

    region: str
    external_id: str
    principal: str = ""
    template_url: str = ""

    @property
    def is_complete(self) -> bool:
        """Return whether the command can be run as it is."""
        return bool(self.principal)

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters that have no default, or another one here."""
        return {"PortalPrincipal": self.principal or PLACEHOLDER, "ExternalId": self.external_id}

    @property
    def command(self) -> str:
        """Return the command that creates or updates the stack, and shows its outputs."""
        given = " ".join(f"{name}={value}" for name, value in self.parameters.items())
        return (
            f"aws cloudformation deploy --stack-name {STACK} --region {self.region} \\\n"
            "  --template-file infra_templates/account.yaml --capabilities CAPABILITY_NAMED_IAM \\\n"
            f"  --parameter-overrides {given} && \\\n"
            f"aws cloudformation describe-stacks --stack-name {STACK} --region {self.region} \\\n"
            '  --query "Stacks[0].Outputs[].[OutputKey,OutputValue]" --output table'
        )

    @property
    def link(self) -> str:
        """Return a quick-create link, "" without the address of the template or the portal's identity.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
        """
        page = console_page(self.region, "cloudformation/home")
        if not self.template_url or not self.principal or not page:
            return ""
        query = {"templateURL": self.template_url, "stackName": STACK}
        query |= {f"param_{name}": value for name, value in self.parameters.items()}
        return f"{page}#/stacks/create/review?{urlencode(query)}"
