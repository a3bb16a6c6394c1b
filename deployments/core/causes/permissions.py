"""Causes: a denied action, a role that cannot be passed or assumed, a missing service-linked role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html (the forms of the
message and the policy types that it names).
"""

from __future__ import annotations

from deployments.core.causes.cause import Cause, Evidence, NextStep, signature
from deployments.errors import N_

_ALLOW = (NextStep.POLICY, NextStep.DELETE_FIRST, NextStep.RETRY)

CAUSES = (
    Cause(
        code="DeniedByOrganization",
        reason=signature(
            r"not authorized to perform:? (?P<action>[\w-]+:\w+).*explicit deny in a "
            r"(?P<policy>service control|resource control) policy"
        ),
        title=N_("The organization forbids %(action)s in this account"),
        advice=N_(
            "A %(policy)s policy of AWS Organizations denies it, so that no policy in the account can allow "
            "it. Ask those who run the organization."
        ),
        steps=(NextStep.DELETE_FIRST, NextStep.RETRY),
        example="User: arn:aws:sts::123456789012:assumed-role/sanso/sanso is not authorized to perform: "
        "ec2:CreateVpc on resource: arn:aws:ec2:ap-northeast-1:123456789012:vpc/* with an explicit deny in a "
        "service control policy (Service: Ec2, Status Code: 403)",
    ),
    Cause(
        code="MayNotPassRole",
        reason=signature(r"not authorized to perform:? iam:PassRole on resource:? (?P<role>\S+)"),
        title=N_("CloudFormation may not pass the role %(role)s"),
        advice=N_("Allow iam:PassRole on that role to the role that CloudFormation acts as."),
        steps=_ALLOW,
        example="User: arn:aws:sts::123456789012:assumed-role/deployer/AWSCloudFormation is not "
        "authorized to "
        "perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/app because no identity-based "
        "policy allows the iam:PassRole action",
    ),
    Cause(
        code="ServiceLinkedRole",
        reason=signature(r"service[- ]linked role"),
        title=N_("A service-linked role is missing in the account"),
        advice=N_(
            "Allow iam:CreateServiceLinkedRole to the role that CloudFormation acts as, or have the "
            "service's "
            "console make the role once."
        ),
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
        title=N_("The service may not assume the role that it was given"),
        advice=N_("The role's trust policy has to name the service. Mend the template set."),
        steps=(NextStep.TEMPLATE, NextStep.DELETE_FIRST),
        example='Resource handler returned message: "The role defined for the function cannot be assumed by '
        'Lambda. (Service: Lambda, Status Code: 400)" (HandlerErrorCode: InvalidRequest)',
    ),
    Cause(
        code="Denied",
        reason=signature(
            r"not authorized to perform:? (?P<action>[\w-]+:\w+)|API: (?P<api>[\w-]+:\w+) .*not authorized"
        ),
        title=N_("AWS denies %(action)s"),
        advice=N_(
            "Allow %(action)s to the role that CloudFormation acts as (the account's service role, or the "
            "role that Sanso assumes), then deploy again."
        ),
        steps=_ALLOW,
        example="User: arn:aws:sts::123456789012:assumed-role/sanso/sanso is not authorized to perform: "
        "rds:CreateDBCluster on resource: arn:aws:rds:ap-northeast-1:123456789012:cluster:app because no "
        "identity-based policy allows the rds:CreateDBCluster action (Service: Rds, Status Code: 403)",
    ),
    Cause(
        code="DeniedUnnamed",
        reason=signature(r"HandlerErrorCode: AccessDenied|AccessDenied|UnauthorizedOperation|Access Denied"),
        title=N_("AWS denies access"),
        advice=N_(
            "AWS does not name the action. CloudTrail shows the denied call of the same moment; allow it, "
            "then deploy again."
        ),
        steps=(NextStep.DELETE_FIRST, NextStep.RETRY),
        types=(),
        evidence=(Evidence.FUNCTION_LOG,),
        example="Access denied for operation 'AWS::RDS::DBCluster' (HandlerErrorCode: AccessDenied)",
    ),
)
