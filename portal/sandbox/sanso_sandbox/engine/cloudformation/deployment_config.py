"""DeploymentConfig of an operation: express mode, with its rules about rollbacks, and the mode of a stack.

Rollback is off in express mode unless it is requested, RollbackStack is refused, and an update of a failed
stack needs the same mode: https://github.com/aws/aws-cdk-cli/issues/1739 and
https://github.com/aws/aws-cdk-cli/issues/1973. DisableRollback and OnFailure are refused beside it:
https://github.com/aws/aws-sam-cli/pull/9106. The sentences are this sandbox's own. Operations take as long as
in the standard mode, which is AWS's upper bound.
"""

from typing import Any

from sanso_sandbox.engine.cloudformation.responses import Parameters, Refusal, truth, value
from sanso_sandbox.engine.cloudformation.store import Stack

MODES = ("STANDARD", "EXPRESS")
_MODE, _DISABLE = "DeploymentConfig.Mode", "DeploymentConfig.DisableRollback"

Config = dict[str, Any]
"""As DescribeStacks returns it; empty for an operation without one."""


def read(request: Parameters) -> Config:
    """Return the DeploymentConfig of a request. Raises Refusal if it is invalid."""
    mode = value(request, _MODE)
    if not mode and _DISABLE not in request:
        return {}
    mode = mode or "STANDARD"
    if mode not in MODES:
        raise Refusal(
            f"1 validation error detected: Value '{mode}' at 'deploymentConfig.mode' failed to satisfy "
            f"constraint: Member must satisfy enum value set: [{', '.join(MODES)}]"
        )
    for name in ("DisableRollback", "OnFailure"):
        if name in request:
            raise Refusal(f"You can't specify {name} together with DeploymentConfig.")
    is_off = truth(request, _DISABLE) if _DISABLE in request else mode == "EXPRESS"
    return {"Mode": mode, "DisableRollback": is_off}


def keep(stack: Stack, config: Config) -> None:
    """Store what the last operation of a stack was deployed with."""
    stack["_deployment_config"] = config


def of(stack: Stack) -> Config | None:
    """Return the DeploymentConfig of a stack for DescribeStacks, None if it has none."""
    return stack.get("_deployment_config") or None


def is_express(config: Config | None) -> bool:
    return bool(config) and (config or {})["Mode"] == "EXPRESS"


def check_update(stack: Stack, config: Config) -> None:
    """Raise Refusal for an update of a failed stack in another mode than the one that failed."""
    failed = stack["StackStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")
    if failed and is_express(of(stack)) != is_express(config):
        raise Refusal(
            "An update of this stack must use the same DeploymentConfig as the operation that failed."
        )


def check_rollback(stack: Stack) -> None:
    """Raise Refusal for a stack that RollbackStack does not support."""
    if is_express(of(stack)):
        raise Refusal("RollbackStack is not supported for stacks that were last updated with EXPRESS mode.")
