"""Whether a role may call an action itself, for what AWS does in the role's name."""

from ministack.core import iam_evaluator
from ministack.services import iam

from portal.sandbox.engine.registry import here

# AWS's policies for functions in a VPC, whose documents are not stored: both allow to manage interfaces.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
ALLOW_INTERFACES = frozenset({"AWSLambdaVPCAccessExecutionRole", "AWSLambdaENIManagementAccess"})


def role_allows(role_arn: str, action: str) -> bool:
    """Return whether a role exists and its policies allow an action on every resource."""
    name, scope = role_arn.rpartition("/")[2], here()
    role = iam._roles.get(name)
    if role is None:
        return False
    attached = {str(policy).rpartition("/")[2] for policy in role.get("AttachedPolicies", ())}
    if action.startswith("ec2:") and action.endswith("NetworkInterface") and attached & ALLOW_INTERFACES:
        return True
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{scope.account}:assumed-role/{name}/lambda",
        principal_type="AssumedRole",
        principal_account=scope.account,
        action=action,
        resource_arn="*",
        region=scope.region,
    )
    policies = iam_evaluator._gather_role_policies(name, scope.account)
    return bool(iam_evaluator.evaluate(context, policies).decision == "Allow")
