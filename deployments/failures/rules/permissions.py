"""Causes: a denied action, a role that cannot be passed or assumed, a missing service-linked role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html (the forms of the
message and the policy types that it names).
"""

from __future__ import annotations

from deployments.failures.rules.cause import Cause, EvidenceKind, NextStep, signature

_DENIED = r"assumed-role/(?P<principal>[\w+=,.@-]+)/\S+ is not authorized to perform:? "
_ALLOW = (NextStep.POLICY, NextStep.DELETE_FIRST, NextStep.RETRY)

CAUSES = (
    Cause(
        code="DeniedByOrganization",
        reason=signature(
            r"not authorized to perform:? (?P<action>[\w-]+:\w+).*explicit deny in a "
            r"(?P<policy>service control|resource control) policy"
        ),
        steps=(NextStep.DELETE_FIRST, NextStep.RETRY),
        example="User: arn:aws:sts::123456789012:assumed-role/sanso/sanso is not authorized to perform: "
        "ec2:CreateVpc on resource: arn:aws:ec2:ap-northeast-1:123456789012:vpc/* with an explicit deny in a "
        "service control policy (Service: Ec2, Status Code: 403)",
    ),
    Cause(
        code="DeniedExplicitly",
        reason=signature(
            _DENIED + r"(?P<action>[\w-]+:\w+).*explicit deny in an? (?P<policy>identity-based policy|"
            r"resource-based policy|session policy|permissions boundary|VPC endpoint policy)"
        ),
        steps=(NextStep.DELETE_FIRST, NextStep.RETRY),
        example="User: arn:aws:sts::123456789012:assumed-role/sanso-cloudformation/AWSCloudFormation is not "
        "authorized to perform: ec2:CreateVpc on resource: arn:aws:ec2:ap-northeast-1:123456789012:vpc/* "
        "with an explicit deny in an identity-based policy (Service: Ec2, Status Code: 403)",
    ),
    Cause(
        code="MayNotPassRole",
        reason=signature(r"not authorized to perform:? iam:PassRole on resource:? (?P<role>\S+)"),
        steps=_ALLOW,
        example="User: arn:aws:sts::123456789012:assumed-role/deployer/AWSCloudFormation is not "
        "authorized to "
        "perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/app because no identity-based "
        "policy allows the iam:PassRole action",
    ),
    Cause(
        code="ServiceLinkedRole",
        reason=signature(r"service[- ]linked role"),
        steps=_ALLOW,
        example="Unable to create the resource. Verify that you have permission to create service "
        "linked role. "
        "Otherwise wait and try again later (Service: Rds, Status Code: 400)",
    ),
    Cause(
        code="RoleNotAssumable",
        reason=signature(
            r"role defined for the function cannot be assumed|cannot be assumed by"
            r"|is not authorized to assume"
        ),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        example='Resource handler returned message: "The role defined for the function cannot be assumed by '
        'Lambda. (Service: Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)',
    ),
    Cause(
        code="DeniedByBoundary",
        reason=signature(_DENIED + r"(?P<action>[\w-]+:\w+).*no permissions boundary allows"),
        steps=(NextStep.DELETE_FIRST, NextStep.RETRY),
        example="User: arn:aws:sts::123456789012:assumed-role/app-Role-1X/i-0a is not authorized to perform: "
        "s3:GetObject on resource: arn:aws:s3:::media/logo.png because no permissions boundary allows the "
        "s3:GetObject action",
    ),
    Cause(
        code="RoleNeedsBoundary",
        reason=signature(_DENIED + r"(?P<action>iam:CreateRole|iam:PutRolePermissionsBoundary) on"),
        steps=_ALLOW,
        example="User: arn:aws:sts::123456789012:assumed-role/sanso-cloudformation/AWSCloudFormation is not "
        "authorized to perform: iam:CreateRole on resource: arn:aws:iam::123456789012:role/app because no "
        "identity-based policy allows the iam:CreateRole action (Service: Iam, Status Code: 403)",
    ),
    Cause(
        code="RoleDenied",
        reason=signature(_DENIED + r"(?P<action>[\w-]+:\w+)(?: on resource:? (?P<resource>\S*[^\s.,:;)]))?"),
        steps=_ALLOW,
        example="User: arn:aws:sts::123456789012:assumed-role/sanso-cloudformation/AWSCloudFormation is not "
        "authorized to perform: rds:CreateDBCluster on resource: arn:aws:rds:ap-northeast-1:123456789012:"
        "cluster:app because no identity-based policy allows the rds:CreateDBCluster action (Service: Rds, "
        "Status Code: 403)",
    ),
    Cause(
        code="Denied",
        reason=signature(
            r"not authorized to perform:? (?P<action>[\w-]+:\w+)|API: (?P<api>[\w-]+:\w+) .*not authorized"
        ),
        steps=_ALLOW,
        example="User: arn:aws:iam::123456789012:user/ops is not authorized to perform: rds:CreateDBCluster "
        "on resource: arn:aws:rds:ap-northeast-1:123456789012:cluster:app because no identity-based policy "
        "allows the rds:CreateDBCluster action (Service: Rds, Status Code: 403)",
    ),
    Cause(
        code="DeniedUnnamed",
        reason=signature(r"HandlerErrorCode: AccessDenied|AccessDenied|UnauthorizedOperation|Access Denied"),
        steps=(NextStep.DELETE_FIRST, NextStep.RETRY),
        types=(),
        evidence=(EvidenceKind.FUNCTION_LOG,),
        example="Access denied for operation 'AWS::RDS::DBCluster' (HandlerErrorCode: AccessDenied)",
    ),
)
