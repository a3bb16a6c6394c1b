"""A call with fifty secrets in every place in which AWS, a program or a person may put one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from deployments.aws.call_capture import RawCall
from deployments.call_logs.rules.placeholders import Placeholders
from deployments.call_logs.rules.redact_call import CallRedactor
from deployments.common.rules.redaction import Redactor, Values

KEY = b"0123456789abcdef"
NO_ECHO = tuple(f"N0-Echo<&>{n:02d}'\"-vaLue" for n in range(10))
"""NoEcho values of the deployment, which are known."""
BY_NAME = tuple(f"by-name-{n:02d}-secret" for n in range(14))
IN_TEXT = tuple(f"in-text-{n:02d}-SECRET" for n in range(14))
WITHHELD = tuple(f"withheld-{n:02d}-content" for n in range(6))
BY_FORM = (
    "AKIAQ3EGRI2YT5GB4XYZ",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzSECR1",
    "FwoGZXIvYXdzEB" + "aB3" * 40,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlMTIz",
    "ghp_abcdefghijklmnopqrst0123456789",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
)
HIDDEN = (*NO_ECHO, *BY_NAME, *IN_TEXT, *WITHHELD, *BY_FORM)


def redactor() -> CallRedactor:
    """Return what redacts the calls of a deployment with these NoEcho values."""
    return CallRedactor(Placeholders(KEY), Redactor([Values(NO_ECHO)]))


def call(service: str, operation: str, parameters: Any, body: bytes, **values: Any) -> RawCall:
    """Return a call with an answer."""
    given: dict[str, Any] = {"at": datetime(2026, 12, 1, tzinfo=UTC), "status": 200} | values
    return RawCall(service=service, operation=operation, parameters=parameters, body=body, **given)


def calls() -> list[RawCall]:
    """Return calls in which all of them are hidden."""
    return [_change_set(), _stacks(), _of_systems_manager(), _assume_role(), _logs(), _error()]


def _change_set() -> RawCall:
    return call(
        "cloudformation",
        "CreateChangeSet",
        {
            "StackName": "shop",
            "Parameters": [
                {"ParameterKey": "Password", "ParameterValue": NO_ECHO[0]},
                {"ParameterKey": "Harmless", "ParameterValue": BY_NAME[0]},
            ],
            "ClientToken": BY_NAME[1],
            "TemplateBody": json.dumps({"Metadata": WITHHELD[0]}),
            "TemplateURL": f"https://b.s3.amazonaws.com/t?X-Amz-Signature={IN_TEXT[0]}&X-Amz-Security-Token=x",
            "Tags": [{"Key": "ApiKey", "Value": BY_NAME[2]}],
            "Nested": {"MasterUserPassword": BY_NAME[3], "Deep": [{"secret_key": [BY_NAME[4]]}]},
        },
        f"<CreateChangeSetResponse><Result><Id>{escape(NO_ECHO[1])}</Id></Result></CreateChangeSetResponse>".encode(),
        headers={
            "Authorization": f"AWS4-HMAC-SHA256 Signature={BY_NAME[5]}",
            "X-Amz-Security-Token": BY_NAME[6],
            "Set-Cookie": f"session={BY_NAME[7]}",
            "Content-Type": f"text/xml; token={IN_TEXT[1]}",
        },
    )


def _stacks() -> RawCall:
    reasons = [
        f"The password is {IN_TEXT[2]}, and {NO_ECHO[2]} too",
        f"GET https://user:{IN_TEXT[3]}@git.example.com/x.git failed",
        f"Authorization: Bearer {IN_TEXT[4]}",
        f"mysql --user=root --password {IN_TEXT[5]} -h db",
        f"api_key={IN_TEXT[6]}; next",
        json.dumps({"clientSecret": IN_TEXT[7], "in": quote(NO_ECHO[3], safe="")}),
        f"{base64.b64encode(NO_ECHO[4].encode()).decode()} and {NO_ECHO[5].encode().hex()}",
        f"CREATE USER x IDENTIFIED BY '{IN_TEXT[8]}'",
        f"key {BY_FORM[0]} with {BY_FORM[1]}",
        f"curl -H 'Cookie: sessionid={IN_TEXT[9]}'",
        f"postgres://app:{IN_TEXT[10]}@db:5432/app",
        f"-----BEGIN RSA PRIVATE KEY-----\n{BY_FORM[5]}\n-----END RSA PRIVATE KEY-----",
    ]
    members = "".join(
        f"<member><StackStatusReason>{escape(one)}</StackStatusReason></member>" for one in reasons
    )
    body = (
        '<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
        f"<Stacks>{members}<member><Outputs><member><OutputValue>{BY_NAME[8]}</OutputValue>"
        f"<OutputKey>DatabasePassword</OutputKey></member></Outputs>"
        f"<Parameters><member><ParameterKey>A</ParameterKey><ParameterValue>{BY_NAME[9]}</ParameterValue>"
        f"</member></Parameters><Description>{escape(NO_ECHO[6])}</Description>"
        f"<ResourceProperties>{{&quot;a&quot;:&quot;{WITHHELD[1]}&quot;}}</ResourceProperties>"
        f"</member></Stacks></DescribeStacksResponse>"
    )
    return call("cloudformation", "DescribeStacks", {}, body.encode())


def _of_systems_manager() -> RawCall:
    body = {
        "AssociationDescription": {
            "Parameters": {"ExtraVariables": [f"a={BY_NAME[10]}"]},
            "StandardOutputContent": WITHHELD[2],
            "CommandPlugins": [{"Output": WITHHELD[3]}],
            "StatusDetails": f"token: {IN_TEXT[11]} {BY_FORM[4]} {NO_ECHO[7]}",
            NO_ECHO[8]: "a key",
        },
        "Parameters": [{"Name": "/shop/x", "Value": BY_NAME[11]}],
    }
    return call("ssm", "DescribeAssociation", {"AssociationId": "a"}, json.dumps(body).encode())


def _assume_role() -> RawCall:
    body = (
        f"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>{BY_NAME[12]}</AccessKeyId>"
        f"<SecretAccessKey>x</SecretAccessKey><SessionToken>{BY_FORM[2]}</SessionToken></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>"
    )
    return call("sts", "AssumeRole", {"RoleArn": "r", "ExternalId": BY_NAME[13]}, body.encode())


def _logs() -> RawCall:
    body = {"events": [{"message": WITHHELD[4], "timestamp": 1}], "nextForwardToken": BY_FORM[3]}
    return call("logs", "GetLogEvents", {"logGroupName": "g"}, json.dumps(body).encode())


def _error() -> RawCall:
    """An answer that is neither JSON nor plain XML, and one with a secret in its code."""
    body = f"<html><!-- {WITHHELD[5]} --><body password={IN_TEXT[12]}>{NO_ECHO[9]}</body>"
    return call("s3", "GetObject", {}, body.encode(), status=503, error=f"secret={IN_TEXT[13]}")
