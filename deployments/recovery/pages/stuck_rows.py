"""The rows of the resources that failed in a stack, with AWS's own reason and whether they are billed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from deployments.cloudformation.remaining import Billing, billing_of
from deployments.cloudformation.stuck_resources import StuckResource
from deployments.environments.models.environments import Environment
from deployments.stacks.display.remaining import billing_label


@dataclass(frozen=True, slots=True, kw_only=True)
class StuckRow:
    """One resource. `value` is its path below the root stack, `skip_name` its name for CloudFormation."""

    value: str
    type: str
    name: str
    skip_name: str
    reason: str
    billing: str
    is_billed: bool


def stuck_rows(environment: Environment) -> list[StuckRow] | None:
    """Return the failed resources; None until Sanso has read them."""
    found = environment.stuck_resources
    return None if found is None else rows_of(found)


def rows_of(resources: Iterable[StuckResource]) -> list[StuckRow]:
    """Return the rows of resources."""
    rows = []
    for one in resources:
        billing = billing_of(one.type)
        rows.append(
            StuckRow(
                value=one.key,
                type=one.type,
                name=one.physical_id,
                skip_name=one.skip_name,
                reason=one.reason,
                billing=billing_label(billing),
                is_billed=billing is Billing.BILLED,
            )
        )
    return rows
