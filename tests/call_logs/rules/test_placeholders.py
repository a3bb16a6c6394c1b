"""The same input has the same placeholder of the same form; who made the log is not in it."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.call_logs.rules.placeholders import Placeholders

KEY = b"0123456789abcdef"
ACCOUNT = "123456789012"
ARN = f"arn:aws:cloudformation:ap-northeast-1:{ACCOUNT}:stack/sanso-shop/12a3b456-0e10-4ce0-9052-5d484a8c4e5b"


def found(text: str, *names: str) -> str:
    """Return a text with placeholders."""
    placeholders = Placeholders(KEY)
    placeholders.learn(names)
    return placeholders.text(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (ACCOUNT, r"000\d{9}"),
        (f"sanso-{ACCOUNT}-ap-northeast-1", r"sanso-000\d{9}-ap-northeast-1"),
        (
            ARN,
            r"arn:aws:cloudformation:ap-northeast-1:000\d{9}:stack/name-[a-z2-7]{8}/[0-9a-f-]{36}",
        ),
        (
            f"arn:aws:elasticloadbalancing:x:{ACCOUNT}:targetgroup/shop/73e2d6bc24d8a067",
            r"arn:aws:elasticloadbalancing:x:000\d{9}:targetgroup/name-[a-z2-7]{8}/[0-9a-f]{16}",
        ),
        ("i-0123456789abcdef0", r"i-[0-9a-f]{17}"),
        ("subnet-8360a9e7", r"subnet-[0-9a-f]{8}"),
        ("eipalloc-0123456789abcdef0", r"eipalloc-[0-9a-f]{17}"),
        ("10.0.3.4", r"2[45]\d\.\d+\.\d+\.\d+"),
        ("10.0.0.0/16", r"2[45]\d\.\d+\.0\.0/16"),
        ("fe80::1", r"2001:db8::[0-9a-f:]+"),
        ("02:58:f5:ef:4b:06", r"02(:[0-9a-f]{2}){5}"),
        ("ana@example.org", r"name-[a-z2-7]{8}@example\.com"),
        (
            "shop-12.elb.ap-northeast-1.amazonaws.com",
            r"name-[a-z2-7]{8}\.elb\.ap-northeast-1\.amazonaws\.com",
        ),
        ("ip-10-0-3-4.ec2.internal", r"ip-2[45]\d-\d+-\d+-\d+\.ec2\.internal"),
        (
            "https://me:secret@shop.example.org:8443/a?X-Amz-Signature=secret",
            r"https://name-[a-z2-7]{8}\.example\.com:8443/name-[a-z2-7]{8}\?\*{4}",
        ),
    ],
)
def test_a_placeholder_has_the_form_of_what_it_replaces(text: str, form: str) -> None:
    assert re.fullmatch(form, found(text))
    assert text not in found(f"before {text} after")


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T10:00:00.123Z",
        "8.0.mysql_aurora.3.08.0",
        "0.0.0.0/0",
        "127.0.0.1",
        "12:34:56",
        "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
        "AWS::EC2::VPC",
        "ap-northeast-1a",
        "CREATE_COMPLETE",
        "db.t4g.medium",
        "https://docs.aws.amazon.com/AWSCloudFormation/latest/",
        "",
    ],
)
def test_what_identifies_nobody_stays(text: str) -> None:
    assert found(text) == text


def test_the_same_input_has_the_same_placeholder_wherever_it_is() -> None:
    placeholders = Placeholders(KEY)
    placeholders.learn(["sanso-shop"])

    text = placeholders.text(f"{ARN} of {ACCOUNT}: sanso-shop, 10.0.3.4 and ip-10-0-3-4.ec2.internal")

    name = placeholders.name("sanso-shop")
    assert text.count(name) == 2
    assert text.count(placeholders.account(ACCOUNT)) == 2
    address = placeholders.text("10.0.3.4")
    assert address in text
    assert address.replace(".", "-") in text
    assert Placeholders(KEY).text(ARN) == placeholders.text(ARN)


def test_another_key_has_other_placeholders() -> None:
    assert Placeholders(b"another key").text(ARN) != Placeholders(KEY).text(ARN)


def test_different_inputs_have_different_placeholders() -> None:
    texts = [f"i-{n:017x}" for n in range(500)] + [f"{n:012d}" for n in range(500)]
    texts += [str(ipaddress.ip_address(0x0A000000 + n)) for n in range(500)]

    assert len({found(text) for text in texts}) == len(texts)


def test_known_names_are_replaced_as_whole_words_the_longest_first() -> None:
    text = found(
        "sanso-shop-Network, sanso-shop, shop and shopping; Team Tokyo", "shop", "sanso-shop", "Team Tokyo"
    )

    placeholders = Placeholders(KEY)
    whole, short = placeholders.name("sanso-shop"), placeholders.name("shop")
    assert text == f"{whole}-Network, {whole}, {short} and shopping; {placeholders.name('Team Tokyo')}"


def test_a_placeholder_stays_what_it_is() -> None:
    placeholders = Placeholders(KEY)
    name = placeholders.name("shop")

    assert placeholders.value(name) == placeholders.name(name) == name


@given(st.text(max_size=200))
def test_any_text_can_be_replaced(text: str) -> None:
    placeholders = Placeholders(KEY)
    placeholders.learn(["ab", "abc", "a b c"])

    assert isinstance(placeholders.text(text), str)


@given(st.from_regex(r"\A[0-9]{12}\Z"), st.text("abc -:/.", max_size=10), st.text("xyz -:/.", max_size=10))
def test_no_account_stays(account: str, before: str, after: str) -> None:
    own = Placeholders(KEY).account(account)

    text = found(f"{before} {account} {after} arn:aws:iam::{account}:role/x")

    assert account == own or account not in text
