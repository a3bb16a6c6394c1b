"""The state that the rollback of an environment restores."""

from __future__ import annotations

from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment


def returns_to(environment: Environment) -> Deployment | None:
    """Return the deployment whose state a rollback restores; None if it empties the stack."""
    return Deployment.objects.complete_in(environment).first()
