"""What stays in AWS when an account is removed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deployments.accounts.rules.what_stays import AccountPlace, Staying, number_of, what_stays

places = st.builds(
    AccountPlace,
    name=st.sampled_from(["a", "b", "c"]),
    number=st.sampled_from(["", "123456789012", "210987654321"]),
    region=st.sampled_from(["eu-west-1", "eu-central-1"]),
    bucket=st.sampled_from(["", "ours"]),
)


@given(places, st.lists(places, max_size=4))
def test_others_use_it_only_in_the_same_aws_account(
    account: AccountPlace, others: list[AccountPlace]
) -> None:
    stack, bucket = what_stays(account, others)

    assert (stack.kind, bucket.kind) == (Staying.ROLES_STACK, Staying.BUCKET)
    assert set(bucket.used_by) <= set(stack.used_by)
    numbers = {one.number for one in others}
    assert bool(stack.used_by) == bool(account.number and account.number in numbers)


def test_the_default_bucket_is_that_of_its_region() -> None:
    here, there = (
        AccountPlace(name=region, number="123456789012", region=region)
        for region in ("eu-west-1", "us-east-1")
    )

    stack, bucket = what_stays(here, [there])

    assert stack.used_by == ("us-east-1",)
    assert (bucket.name, bucket.used_by) == ("sanso-artifacts-123456789012-eu-west-1", ())


def test_the_number_of_an_account_is_in_the_arn_of_its_role() -> None:
    assert number_of("arn:aws-cn:iam::123456789012:role/team/sanso") == "123456789012"
    assert number_of("") == ""
