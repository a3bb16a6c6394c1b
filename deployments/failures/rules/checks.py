"""Causes: CloudFormation's validation before it creates or updates anything, and hooks of the account.

Sources: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html,
https://docs.aws.amazon.com/cloudformation-cli/latest/hooks-userguide/hooks-concepts.html.
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, EvidenceKind, NextStep, signature

_STEPS = (NextStep.TEMPLATE, NextStep.EDIT, NextStep.DELETE_FIRST)
_EVIDENCE = (EvidenceKind.VALIDATION,)

VALIDATION_FAILED = Cause(
    code="ValidationFailed",
    reason=signature(
        r"Validation failed with \d+ error\(s\)|Validation failure detected"
        r"|validation failed: \[AWS::EarlyValidation::"
    ),
    steps=_STEPS,
    evidence=_EVIDENCE,
    example="Validation failed with 1 error(s). Call DescribeEvents to retrieve the full list of issues "
    "with resource and property details, resolve each error, then retry the operation.",
)
HOOK_FAILED = Cause(
    code="HookFailed",
    reason=signature(r"The following hook\(s\)(?:/validation)? failed: ?\[(?P<hook>[^\]]+)\]"),
    steps=_STEPS,
    evidence=_EVIDENCE,
    example="The following hook(s) failed: [Private::Guard::Encryption]",
)
CAUSES = (VALIDATION_FAILED, HOOK_FAILED)
