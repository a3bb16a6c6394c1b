"""Target groups can be deleted while a listener forwards to them."""

from __future__ import annotations

from sandbox_tests.engine.conftest import Account
from sandbox_tests.fixes.conftest import DONE, outcome
from sandbox_tests.fixes.networks import balancers


def test_a_target_group_of_a_listener_is_not_deleted(ministack: Account, account: Account) -> None:
    assert _delete_used(ministack) == DONE
    assert _delete_used(account) == "ResourceInUse"


def _delete_used(account: Account) -> str:
    made = balancers(account)
    made.elbv2.create_listener(**made.listen(made.load_balancers[0]))
    return outcome(made.elbv2, "delete_target_group", TargetGroupArn=made.target_group)
