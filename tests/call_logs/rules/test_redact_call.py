"""No secret of a call is in its log, whatever it is in; what a person needs to understand the call is."""

from __future__ import annotations

import json
from typing import Any
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.call_logs.rules import redact_call
from deployments.call_logs.rules.log_file import answer, entry, header, line, question
from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.redact_call import MAX_BODY, CallRedactor
from deployments.common.rules.redaction import Redactor, Values
from tests.aws.call_log_files import is_withheld
from tests.call_logs.rules.hostile import HIDDEN, KEY, call, calls, redactor

SECRET = "xQ7-hidden-Zk9"
texts = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32), max_size=40)
values = st.recursive(
    texts | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
names = st.sampled_from(
    [
        "MasterUserPassword",
        "SecretString",
        "ParameterValue",
        "ClientToken",
        "ApiKey",
        "UserData",
        "Credentials",
    ]
)


def logged(*, known: str = SECRET, **parts: Any) -> dict[str, Any]:
    """Return the entry of a call whose NoEcho value is `known`."""
    redact = CallRedactor(Placeholders(KEY), Redactor([Values([known])]))
    given_: dict[str, Any] = {"service": "ssm", "operation": "X", "parameters": {}, "body": b"{}"} | parts
    return entry(call(**given_), redact)


def test_none_of_fifty_hidden_secrets_is_in_the_log() -> None:
    redact = redactor()

    log = "\n".join(line(entry(one, redact)) for one in calls())

    assert len(set(HIDDEN)) == 50
    assert [secret for secret in HIDDEN if secret in log or json.dumps(secret)[1:-1] in log] == []
    assert [secret for secret in HIDDEN if escape(secret) in log or secret.encode().hex() in log] == []


@given(values, st.booleans())
def test_a_noecho_value_is_removed_wherever_it_is(around: Any, is_body: bool) -> None:
    hidden = _with_secret(around)

    part = {"body": json.dumps(hidden).encode()} if is_body else {"parameters": hidden}

    assert SECRET not in line(logged(**part))


def _with_secret(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"{key}{SECRET}": _with_secret(one) for key, one in value.items()} | {"also": SECRET}
    if isinstance(value, list):
        return [_with_secret(one) for one in value] + [SECRET]
    return f"{value}{SECRET}" if isinstance(value, str) else value


@given(names, values, texts)
def test_what_has_the_name_of_a_secret_is_removed_at_any_depth(name: str, around: Any, text: str) -> None:
    hidden = {"Outer": [{name: {"x": [f"{text}unknown-{SECRET}"]}, "beside": around}]}

    assert SECRET not in line(logged(parameters=hidden, known="another value"))
    assert SECRET not in line(logged(body=json.dumps(hidden).encode(), known="another value"))


@given(names, texts, texts)
def test_what_has_the_name_of_a_secret_is_removed_from_xml(name: str, before: str, after: str) -> None:
    inner = escape(f"{before}{SECRET}{after}")
    body = f"<R><L><member><{name}><member>{inner}</member></{name}></member></L></R>"

    found = logged(body=body.encode(), known="another value")

    assert SECRET not in line(found)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer(body: bytes) -> None:
    found = logged(body=body)

    assert isinstance(found["body"], str)
    json.loads(line(found))


@pytest.mark.parametrize(
    "body",
    [
        f"<R><!-- {SECRET} --></R>",
        f"<R><![CDATA[{SECRET}]]></R>",
        f'<!DOCTYPE r [<!ENTITY s "{SECRET}">]><R>&s;</R>',
        f"<R><A>{SECRET}</R></A>",
        f"<R>{SECRET}",
        f"<R>text {SECRET} <A>1</A></R>",
        f"<R><A>1</A>{SECRET}</R>",
        f'<R a="x>{SECRET}"></R>',
        f'<R xmlns="{SECRET}"></R>',
        f'"{SECRET}"',
        f"plain {SECRET}",
    ],
)
def test_what_is_not_understood_is_withheld(body: str) -> None:
    found = logged(body=body.encode(), known="another value")["body"]

    assert is_withheld(found)


def test_attributes_are_emptied() -> None:
    found = logged(body=f'<R><A type="{SECRET}">1</A></R>'.encode(), known="another value")["body"]

    assert found == '<R><A type="">1</A></R>'


def test_a_body_that_is_too_large_is_withheld() -> None:
    found = logged(body=b"{" + b" " * MAX_BODY + b"}")["body"]

    assert found == f"[{MAX_BODY + 2} bytes withheld]"


def test_the_shape_of_an_answer_stays() -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<DescribeStacksResponse xmlns="http://x.amazonaws.com/doc/1/">'
        "<Stacks><member><StackName>shop</StackName><StackStatus>CREATE_FAILED</StackStatus>"
        "<CreationTime>2026-12-01T10:00:00Z</CreationTime><DisableRollback>false</DisableRollback>"
        "<StackStatusReason>Subnet &amp; shop failed</StackStatusReason></member></Stacks>"
        "<RequestId>b9b4b068-3a41-11e5-94eb-example</RequestId></DescribeStacksResponse>"
    )

    found = logged(service="cloudformation", body=body.encode())["body"]

    name = Placeholders(KEY).name("shop")
    assert found == body.replace("shop", name)


def test_a_call_of_an_association_keeps_its_structure() -> None:
    body = {"AssociationDescription": {"Parameters": {"A": ["x"]}, "AssociationVersion": "1", "Count": 3}}

    found = json.loads(logged(body=json.dumps(body).encode())["body"])["AssociationDescription"]

    assert found == {"Parameters": {"A": ["****"]}, "AssociationVersion": "1", "Count": 3}


def test_times_and_numbers_of_secrets_can_still_be_parsed() -> None:
    body = (
        "<R><Credentials><Expiration>2026-12-01T10:00:00Z</Expiration><Pin>4711</Pin><Active>true</Active>"
        f"<SecretAccessKey>{SECRET}</SecretAccessKey></Credentials></R>"
    )

    found = logged(body=body.encode(), known="another value")["body"]

    assert found == body.replace("4711", "0").replace(SECRET, "****")


def test_an_event_of_cloudtrail_is_json_within_json() -> None:
    event = {
        "userIdentity": {"accountId": "123456789012", "userName": "ana"},
        "errorCode": "AccessDenied",
        "requestParameters": {"password": SECRET, "x": {"y": "z"}},
    }

    found = json.loads(logged(body=json.dumps({"CloudTrailEvent": json.dumps(event)}).encode())["body"])

    inner = json.loads(found["CloudTrailEvent"])
    assert inner["errorCode"] == "AccessDenied"
    assert inner["userIdentity"]["accountId"].startswith("000")
    assert inner["userIdentity"]["userName"] != "ana"
    assert inner["requestParameters"] == {"password": "****", "x": {"y": "****"}}


def test_only_headers_without_secrets_are_kept() -> None:
    found = logged(
        headers={
            "x-amzn-RequestId": "b9b4b068-3a41-11e5-94eb-00000000abcd",
            "Content-Type": "text/xml",
            "Authorization": SECRET,
            "X-Own": SECRET,
        },
        known="another value",
    )["headers"]

    assert found == {"x-amzn-requestid": "b9b4b068-3a41-11e5-94eb-00000000abcd", "content-type": "text/xml"}


def test_binary_contents_and_streams_are_only_counted() -> None:
    found = logged(parameters={"Body": SECRET.encode()}, body=None, headers={"Content-Length": "12"})

    assert found["parameters"] == {"Body": f"[{len(SECRET)} bytes withheld]"}
    assert found["body"] == "[12 bytes withheld]"


def test_a_call_without_an_answer_has_the_error() -> None:
    found = logged(body=None, status=0, error="ReadTimeoutError")

    assert (found["status"], found["error"], found["body"]) == (0, "ReadTimeoutError", "")


def test_a_repeated_poll_is_recognized_despite_its_request_id() -> None:
    first, second, other = (
        call("rds", "X", {"a": 1}, f"<R><A>{a}</A><RequestId>{n}1111111</RequestId></R>".encode())
        for a, n in ((1, 1), (1, 2), (2, 2))
    )

    assert question(first) == question(second) == question(other)
    assert answer(first) == answer(second) != answer(other)


def test_the_first_line_says_where_the_log_was_made() -> None:
    assert json.loads(header(source="sandbox", region="x"))["source"] == "sandbox"


def test_what_an_answer_has_in_common_with_the_one_before_is_not_redacted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reasons = (f"<ResourceStatusReason>Creation of {n}</ResourceStatusReason>" for n in range(500))
    body = f"<R>{''.join(f'<member>{one}</member>' for one in reasons)}</R>".encode()
    redact = redactor()
    first = redact.body("cloudformation", body)
    monkeypatch.setattr(redact_call, "without_credentials", lambda text: pytest.fail(text))

    assert redact.body("cloudformation", body) == first


def test_a_name_is_also_replaced_in_texts_that_were_redacted_before_it_was_known() -> None:
    redact = redactor()
    reason, named = b"<R><Reason>boutique failed</Reason></R>", b"<R><StackName>boutique</StackName></R>"

    assert b"boutique" in redact.body("cloudformation", reason).encode()
    redact.body("cloudformation", named)

    assert "boutique" not in redact.body("cloudformation", reason)
