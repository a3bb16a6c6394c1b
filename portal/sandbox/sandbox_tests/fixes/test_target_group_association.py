"""Several load balancers can use one target group."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import balancers


def test_a_second_load_balancer_does_not_get_the_target_group(ministack: Account, account: Account) -> None:
    assert _use_twice(ministack) == DONE
    assert _use_twice(account) == "TargetGroupAssociationLimit"


def _use_twice(account: Account) -> str:
    made = balancers(account)
    first, second = made.load_balancers
    made.elbv2.create_listener(**made.listen(first))
    return outcome(made.elbv2, "create_listener", **made.listen(second))
