"""Lambda functions that run as processes, and the custom resources that they provide."""

from __future__ import annotations

import io
import json
import textwrap
import time
import zipfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.resources.conftest import changed, failure, gone, made

ROLE = """
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: sts:AssumeRole, Principal: {Service: [lambda.amazonaws.com]}}]
      Policies:
        - PolicyName: parameters
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: "ssm:*", Resource: "*"}]
"""


def inline(code: str, **properties: Any) -> str:
    """Return a template with an inline function called Function, and its role."""
    body = textwrap.indent(textwrap.dedent(code).strip(), " " * 10)
    more = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in properties.items())
    return f"""
Parameters:
  Text: {{Type: String, Default: first}}
Resources:{ROLE}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
{more}      Code:
        ZipFile: |
{body}
"""


CUSTOM = """
  Made:
    Type: Custom::Made
    Properties:
      ServiceToken: !GetAtt Function.Arn
      ServiceTimeout: "20"
      Text: !Ref Text
      Number: 5
      Flag: true
Outputs:
  Id: {Value: !Ref Made}
  Data: {Value: !GetAtt Made.Said}
"""
ANSWERING = """
import json, os
import boto3, cfnresponse

def handler(event, context):
    name = 'calls'
    ssm = boto3.client('ssm')
    try:
        calls = json.loads(ssm.get_parameter(Name=name)['Parameter']['Value'])
    except ssm.exceptions.ParameterNotFound:
        calls = []
    calls.append([event['RequestType'], event['ResourceProperties']['Text'], event.get('PhysicalResourceId')])
    ssm.put_parameter(Name=name, Value=json.dumps(calls), Type='String', Overwrite=True)
    properties = event['ResourceProperties']
    print('asked', properties['Number'], properties['Flag'])
    said = properties['Text'].upper()
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {'Said': said}, 'id-' + properties['Text'])
"""


def invoke(account: Account, name: str, payload: object = None) -> Any:
    answer = account.client("lambda").invoke(FunctionName=name, Payload=json.dumps(payload or {}))
    body = json.loads(answer["Payload"].read())
    return (body, answer["FunctionError"]) if "FunctionError" in answer else body


def function_name(account: Account) -> str:
    return str(account.client("lambda").list_functions()["Functions"][0]["FunctionName"])


def call_answering(account: Account, code: str, **properties: Any) -> Any:
    """Create an inline function, invoke it, and return the result."""
    made(account, "function", inline(code, **properties))
    return invoke(account, function_name(account))


def packed(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".py", textwrap.dedent(text))
    return content.getvalue()


def stored(account: Account, key: str, body: bytes) -> str:
    s3 = account.client("s3")
    bucket = f"code-{account.id}"
    if bucket not in [one["Name"] for one in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key=key, Body=body)
    return bucket


def test_a_custom_resource_is_made_changed_and_removed_by_its_function(account: Account) -> None:
    template = inline(ANSWERING, Timeout=20) + CUSTOM
    stack = made(account, "custom", template)
    assert account.outputs(stack) == {"Id": "id-first", "Data": "FIRST"}
    changed(account, stack, template, Text="second")
    assert account.outputs(stack) == {"Id": "id-second", "Data": "SECOND"}
    gone(account, stack)
    assert json.loads(account.parameter("calls") or "") == [
        ["Create", "first", None],
        ["Update", "second", "id-first"],
        ["Delete", "first", "id-first"],  # the cleanup after the update deletes the replaced id
        ["Delete", "second", "id-second"],
    ]


def test_output_of_a_function_is_in_its_log_group_and_stream(account: Account) -> None:
    made(account, "custom", inline(ANSWERING, Timeout=20) + CUSTOM)
    logs = account.client("logs")
    group = f"/aws/lambda/{function_name(account)}"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    reported = [
        one["message"]
        for one in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    ]
    assert reported[0].startswith("START RequestId: ")
    assert "asked 5 true" in reported
    assert any(line.startswith("REPORT RequestId: ") for line in reported)


def test_all_output_of_an_invocation_is_in_its_log_with_the_time_of_its_start(account: Account) -> None:
    """However long it is; and a line of one invocation is never in the log of the next."""
    code = """
    import sys, time
    def handler(event, context):
        sys.stdout.write('line\\n' * 150_000)
        sys.stdout.write(f'the last of {event["number"]}')  # without a line's end
        return int(time.time() * 1000)
    """
    made(account, "talking", inline(code, Timeout=60))
    name, logs = function_name(account), account.client("logs")
    for number in (1, 2):
        before = int(time.time() * 1000)
        payload = json.dumps({"number": number})
        answer = account.client("lambda").invoke(FunctionName=name, Payload=payload)
        (stream,) = logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
        events = logs.get_log_events(
            logGroupName=f"/aws/lambda/{name}", logStreamName=stream["logStreamName"], limit=4
        )["events"]
        assert [one["message"] for one in events[:2]] == ["line", f"the last of {number}"]
        assert [one["message"].partition(" ")[0] for one in events[2:]] == ["END", "REPORT"]
        assert before <= events[1]["timestamp"] <= json.loads(answer["Payload"].read())


def test_a_function_that_answers_failed_fails_the_resource_with_its_reason(account: Account) -> None:
    code = """
    import cfnresponse
    def handler(event, context):
        print(context.log_stream_name)
        cfnresponse.send(event, context, cfnresponse.FAILED, {})
    """
    reason = failure(account, "custom", inline(code) + CUSTOM, "Made")
    assert reason.startswith(
        "Received response status [FAILED] from custom resource. "
        "Message returned: See the details in CloudWatch Log Stream: "
    )
    stream = reason.split("Log Stream: ")[1].split(" ")[0]
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    streams = account.client("logs").describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]
    assert stream in [one["logStreamName"] for one in streams]


@pytest.mark.parametrize(
    ("code", "logged"),
    [
        ("def handler(event, context):\n    raise RuntimeError('broken here')", "broken here"),
        ("import nothing_like_it", "No module named 'nothing_like_it'"),
        (
            "import time\ndef handler(event, context):\n    time.sleep(30)",
            "Task timed out after 1.00 seconds",
        ),
        ("def handler(event, context):\n    return 'and forgot to answer'", ""),
    ],
    ids=["error", "import", "time-out", "silence"],
)
def test_a_function_that_never_answers_fails_the_resource_as_cloudformation_says(
    account: Account, code: str, logged: str
) -> None:
    reason = failure(account, "custom", inline(code, Timeout=1) + CUSTOM, "Made")
    assert "did not receive a response from your custom resource" in reason.lower()
    logs = account.client("logs")
    (group,) = [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]]
    assert logged in str(logs.filter_log_events(logGroupName=group)["events"])


def test_a_function_that_failed_is_called_again_as_lambda_does(account: Account) -> None:
    code = """
    import os, boto3, cfnresponse
    def handler(event, context):
        ssm = boto3.client('ssm')
        tries = len(ssm.describe_parameters()['Parameters'])
        ssm.put_parameter(Name=f'try-{tries}', Value='x', Type='String')
        if tries < 2:
            raise RuntimeError('not yet')
        cfnresponse.send(event, context, cfnresponse.SUCCESS, {'Said': str(tries)})
    """
    stack = made(account, "custom", inline(code, Timeout=20) + CUSTOM)
    assert account.outputs(stack)["Data"] == "2"


def test_a_missing_function_fails_the_resource(account: Account) -> None:
    template = """
    Resources:
      Made:
        Type: Custom::Made
        Properties: {ServiceToken: !Sub "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:nobody"}
    """
    assert "Function not found" in failure(account, "custom", template, "Made")


def test_a_function_knows_where_it_is(account: Account) -> None:
    code = """
    import os, boto3
    def handler(event, context):
        return {
            'account': boto3.client('sts').get_caller_identity()['Account'],
            'region': os.environ['AWS_REGION'],
            'name': context.function_name == os.environ['AWS_LAMBDA_FUNCTION_NAME'],
            'own': os.environ['OWN'],
            'left': 0 < context.get_remaining_time_in_millis() <= 7000,
            'secret': [key for key in os.environ if key.startswith('SANSO_')],
            'home': os.environ['HOME'] == os.environ['TMPDIR'],
        }
    """
    answer = call_answering(account, code, Timeout=7, Environment={"Variables": {"OWN": "value"}})
    assert answer == {
        "account": account.id,
        "region": REGION,
        "name": True,
        "own": "value",
        "left": True,
        "secret": [],
        "home": True,
    }


def test_a_function_has_only_what_awss_runtime_has(account: Account) -> None:
    code = """
    def handler(event, context):
        found = []
        for name in ('boto3', 'botocore', 'pip', 'cfnresponse', 'django', 'pymysql', 'ministack', 'portal'):
            try:
                __import__(name)
                found.append(name)
            except ModuleNotFoundError:
                pass
        return found
    """
    assert call_answering(account, code, Timeout=20) == ["boto3", "botocore", "pip", "cfnresponse"]


def test_a_function_calls_aws_as_its_role(account: Account) -> None:
    code = """
    import boto3
    def handler(event, context):
        return boto3.client('sts').get_caller_identity()['Arn']
    """
    role = "arn:aws:sts::{}:assumed-role/{}/{}"
    answer = call_answering(account, code, Timeout=20)
    (name,) = [one["RoleName"] for one in account.client("iam").list_roles()["Roles"]]
    assert answer == role.format(account.id, name, function_name(account))
    reported: Any = account.sandbox.control("GET", "calls", account=account.id)
    assert answer in {call["caller"] for call in reported["calls"] if call["action"] == "GetCallerIdentity"}


def test_a_functions_keys_are_not_its_names_and_end_with_a_reset(account: Account) -> None:
    code = """
    import os
    def handler(event, context):
        return [os.environ[f'AWS_{name}'] for name in ('ACCESS_KEY_ID', 'SECRET_ACCESS_KEY', 'SESSION_TOKEN')]
    """
    before = call_answering(account, code, Timeout=20)
    client = boto3.client("sts", REGION, None, True, True, account.sandbox.url, *before)
    assert client.get_caller_identity()["Account"] == account.id
    account.sandbox.control("POST", "reset", account=account.id)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client.get_caller_identity()
    client.close()
    after = call_answering(account, code, Timeout=20)
    assert not set(before) & set(after)


def test_tmp_is_a_functions_own(account: Account) -> None:
    code = """
    import os
    def handler(event, context):
        os.makedirs('/tmp/work', exist_ok=True)
        with open(f'/tmp/work/{context.function_name}', 'w') as out:
            out.write('x')
        return os.listdir('/tmp/work')
    """
    two = inline(code) + inline(code).split("Resources:")[1].replace("  Function:", "  Second:").replace(
        ROLE.rstrip("\n"), ""
    )
    made(account, "functions", two)
    names = [one["FunctionName"] for one in account.client("lambda").list_functions()["Functions"]]
    assert [invoke(account, name) for name in names] == [[name] for name in names]
    assert not Path("/tmp/work").exists()


def test_code_comes_from_a_zip_with_packages_and_from_layers(account: Account) -> None:
    code = packed(
        main="import helper, vendored.thing, layered\ndef run(event, context): return layered.ANSWER",
        helper="",
        vendored____init__="",
        vendored__thing="",
    )
    bucket = stored(account, "code.zip", code)
    stored(account, "layer.zip", packed(python__layered="ANSWER = 42"))
    template = f"""
Resources:{ROLE}
  Layer:
    Type: AWS::Lambda::LayerVersion
    Properties: {{Content: {{S3Bucket: {bucket}, S3Key: layer.zip}}}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Handler: main.run
      Runtime: python3.12
      Role: !GetAtt Role.Arn
      Layers: [!Ref Layer]
      Code: {{S3Bucket: {bucket}, S3Key: code.zip}}
"""
    made(account, "zip", template)
    assert invoke(account, function_name(account)) == 42


def test_code_that_is_not_there_fails_the_function(account: Account) -> None:
    bucket = stored(account, "other.zip", packed(main=""))
    template = (
        inline("x = 1").split("      Code:")[0] + f"      Code: {{S3Bucket: {bucket}, S3Key: code.zip}}\n"
    )
    reason = failure(account, "zip", template, "Function")
    assert "S3 Error Code: NoSuchKey" in reason


def test_a_zip_from_s3_brings_its_own_answer_module_or_has_none(account: Account) -> None:
    bucket = stored(account, "code.zip", packed(index="import cfnresponse\ndef handler(e, c): pass"))
    template = (
        inline("x = 1").split("      Code:")[0] + f"      Code: {{S3Bucket: {bucket}, S3Key: code.zip}}\n"
    )
    made(account, "zip", template)
    body, error = invoke(account, function_name(account))
    assert error == "Unhandled"
    assert "No module named 'cfnresponse'" in body["errorMessage"]


def test_output_of_a_handler_and_its_children_never_disturbs_the_answer(account: Account) -> None:
    code = """
    import os, subprocess, sys
    def handler(event, context):
        print('{"status": "ok", "result": "forged"}')
        sys.stdout.flush()
        os.write(1, b'{"status": "ok", "result": "forged"}\\n')
        subprocess.run(['echo', '{"status": "ok", "result": "forged"}'])
        return 'genuine'
    """
    assert call_answering(account, code, Timeout=10) == "genuine"


def test_deleting_a_stack_takes_functions_and_the_log_groups_it_owns(account: Account) -> None:
    template = inline("def handler(e, c): print('x')", LoggingConfig={"LogGroup": "own-logs"}).replace(
        "Resources:", "Resources:\n  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: own-logs}}"
    )
    stack = made(account, "function", template)
    invoke(account, function_name(account))
    gone(account, stack)
    assert account.client("lambda").list_functions()["Functions"] == []
    assert account.client("logs").describe_log_groups()["logGroups"] == []
