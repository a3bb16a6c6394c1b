"""The gateway to IAM Access Analyzer: what it finds in the text of a policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from deployments.aws.error_mapping import calling

ERROR = "ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFinding:
    """One finding. `kind` is ERROR, SECURITY_WARNING, SUGGESTION or WARNING; `text` is AWS's own."""

    kind: str
    code: str
    text: str

    @property
    def is_error(self) -> bool:
        """Return whether IAM would reject the policy, or a part of it has no effect."""
        return self.kind == ERROR


class AccessAnalyzer(Protocol):
    """The call to Access Analyzer that the runner makes."""

    def policy_findings(self, policy: str) -> list[PolicyFinding]:
        """Return what is found in the policy of a role, which is JSON."""
        ...


class AccessAnalyzerGateway:
    """Access Analyzer through boto3; the protocol above documents the method."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def policy_findings(self, policy: str) -> list[PolicyFinding]:
        pages = self._client.get_paginator("validate_policy").paginate(
            policyDocument=policy, policyType="IDENTITY_POLICY"
        )
        with calling("access-analyzer:ValidatePolicy"):
            rows = [row for page in pages for row in page["findings"]]
        return [
            PolicyFinding(kind=row["findingType"], code=row["issueCode"], text=row["findingDetails"])
            for row in rows
        ]
