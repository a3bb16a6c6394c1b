"""Machines as instances: documents run in them, and they end with their instance or with the sandbox."""

from __future__ import annotations

import contextlib
import json
import os
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from sandbox_tests.booted.conftest import ACCOUNT
from sandbox_tests.booted.test_machine import cables_of, processes_with
from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.processes import wait_until
from sandbox_tests.raw_requests import answered, send
from sandbox_tests.sandboxes import Sandbox, start_sandbox
from sanso_sandbox.backends.machines import health_checks

DOCUMENT = """
schemaVersion: "2.2"
parameters:
  Source: {type: String}
mainSteps:
  - action: aws:downloadContent
    name: fetch
    inputs: {sourceType: S3, sourceInfo: '{"path": "{{ Source }}"}'}
  - action: aws:runShellScript
    name: run
    inputs:
      timeoutSeconds: "20"
      runCommand: ["python3 -m zipfile -l thing.zip", "cat /etc/hostname; id -u", "exit 3"]
"""


VIRTUAL_HOST = """
<VirtualHost *:80>
  Alias /healthz /var/www/datelog/healthz
  ProxyPass /healthz !
  ProxyPass / uwsgi://127.0.0.1:9090/ retry=0
</VirtualHost>
"""


def launch(account: Account) -> str:
    """Launch an instance with a role and return its id."""
    iam, ec2, ssm = (account.client(name) for name in ("iam", "ec2", "ssm"))
    if not iam.list_instance_profiles()["InstanceProfiles"]:
        iam.create_instance_profile(InstanceProfileName="servers")
        iam.create_role(RoleName="server", AssumeRolePolicyDocument="{}")
        allowed = {"Effect": "Allow", "Action": ["ssm:*", "s3:*", "cloudformation:*"], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="server", PolicyName="agent", PolicyDocument=document)
        iam.add_role_to_instance_profile(InstanceProfileName="servers", RoleName="server")
    image = ssm.get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
    (made,) = ec2.run_instances(
        ImageId=image["Parameter"]["Value"],
        InstanceType="t4g.micro",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Name": "servers"},
        UserData="#!/bin/sh\necho from user data >/etc/user-data\n",
    )["Instances"]
    return str(made["InstanceId"])


@pytest.fixture(scope="module")
def instance(booting: Sandbox) -> Iterator[str]:
    """An instance for the tests of this file."""
    account = Account(booting, ACCOUNT)
    key = launch(account)
    yield key
    account.client("ec2").terminate_instances(InstanceIds=[key])


def run(
    account: Account, instance: str, name: str, **parameters: str | list[str]
) -> tuple[str, dict[str, str]]:
    """Run a document by an association; return its status and its output by step and stream."""
    ssm, s3 = account.client("ssm"), account.client("s3")
    account.publish()
    made = ssm.create_association(
        Name=name,
        Parameters={key: [text] if isinstance(text, str) else text for key, text in parameters.items()},
        Targets=[{"Key": "InstanceIds", "Values": [instance]}],
        OutputLocation={"S3Location": {"OutputS3BucketName": account.bucket, "OutputS3KeyPrefix": "out"}},
    )["AssociationDescription"]["AssociationId"]

    def status() -> str:
        reported = ssm.describe_association(AssociationId=made)["AssociationDescription"]
        return str(reported["Overview"]["Status"])

    wait_until(lambda: status() in ("Success", "Failed"), what="the end of the association")
    found = {}
    for one in s3.list_objects_v2(Bucket=account.bucket, Prefix=f"out/{instance}/{made}").get("Contents", []):
        text = s3.get_object(Bucket=account.bucket, Key=one["Key"])["Body"].read().decode()
        found["/".join(one["Key"].split("/")[-2:])] = text
    ended = status()
    ssm.delete_association(AssociationId=made)
    return ended, found


def test_about_says_that_machines_are_booted_and_what_stands_in(booting: Sandbox) -> None:
    about: Any = booting.control("GET", "about")
    assert about["machines"] == "booted"
    assert "in the place of Amazon Linux" in about["machines_are"]


def test_commands_run_on_the_machine_and_their_output_lands_in_s3(account: Account, instance: str) -> None:
    status, output = run(
        account,
        instance,
        "AWS-RunShellScript",
        commands=["cat /etc/user-data", "systemctl is-system-running", "echo $AWS_REGION; echo late >&2"],
    )
    assert status == "Success"
    assert output["0.awsrunShellScript/stdout"].splitlines() == ["from user data", "running", REGION]
    assert output["0.awsrunShellScript/stderr"] == "late\n"


def test_other_users_of_a_machine_read_what_root_has_there(account: Account, instance: str) -> None:
    """The sandbox's files are private, but a machine's files are readable for its users, as on any server."""
    own = ("/", "/etc/hosts", "/etc/hostname", "/etc/user-data")
    status, output = run(
        account,
        instance,
        "AWS-RunShellScript",
        commands=["touch /srv/fresh", f"stat -c '%n %a' {' '.join(own)} /srv/fresh"],
    )
    assert status == "Success"
    modes = dict(line.split() for line in output["0.awsrunShellScript/stdout"].splitlines())
    assert modes.pop("/") == "755"
    assert set(modes.values()) == {"644"}


def test_a_document_fetches_from_s3_and_fails_with_its_scripts_exit_code(
    account: Account, instance: str
) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inside.txt", "hello")
    account.publish()
    account.client("s3").put_object(Bucket=account.bucket, Key="a/thing.zip", Body=packed.getvalue())
    ssm = account.client("ssm")
    ssm.create_document(Name="Trial", Content=DOCUMENT, DocumentFormat="YAML", DocumentType="Command")
    url = f"https://{account.bucket}.s3.{REGION}.amazonaws.com/a"

    status, output = run(account, instance, "Trial", Source=f"{url}/thing.zip")
    assert status == "Failed"
    assert "inside.txt" in output["run/stdout"]
    assert output["run/stdout"].splitlines()[-1] == "0"

    status, output = run(account, instance, "Trial", Source=f"{url}/missing.zip")
    assert status == "Failed"
    assert "NoSuchKey" in output["fetch/stderr"]
    assert "run/stdout" not in output


def test_the_sandboxs_api_answers_inside(account: Account, instance: str) -> None:
    """The machine has the keys of the instance's role; only faults need a token, which machines lack."""
    who = (
        'curl -fsS --aws-sigv4 "aws:amz:$AWS_REGION:sts" -u "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" '
        '-H "X-Amz-Security-Token: $AWS_SESSION_TOKEN" '
        '"$AWS_ENDPOINT_URL/?Action=GetCallerIdentity&Version=2011-06-15"'
    )
    token = "curl -sS -o /dev/null -w '%{http_code}' $AWS_ENDPOINT_URL/_sanso/about"
    status, output = run(account, instance, "AWS-RunShellScript", commands=[who, token])
    assert status == "Success"
    assert f"/{instance}</Arn>" in output["0.awsrunShellScript/stdout"]
    assert ":assumed-role/server/" in output["0.awsrunShellScript/stdout"]
    assert output["0.awsrunShellScript/stdout"].endswith("401")


def test_a_service_is_stopped_and_started_for_a_drill(account: Account, instance: str) -> None:
    def machine() -> dict[str, Any]:
        listed: Any = account.sandbox.control("GET", "machines", account=account.id)
        return next(one for one in listed["machines"] if one["instance"] == instance)

    def serves() -> bool:
        address = machine()["address"]
        return health_checks.check(address, 80, protocol="HTTP", path="/", matcher="200", timeout=5).healthy

    assert machine()["service"] == ""
    set_up = [
        "dnf -qy install httpd && echo hello >/var/www/html/index.html",
        "touch /etc/httpd/conf.d/datelog.conf; systemctl start httpd",
    ]
    assert run(account, instance, "AWS-RunShellScript", commands=set_up)[0] == "Success"
    assert (machine()["service"], machine()["running"]) == ("httpd", True)
    wait_until(serves, what="the web server")
    account.sandbox.control("POST", f"machines/{instance}", {"action": "stop-service"})
    assert not machine()["running"]
    assert not serves()
    account.sandbox.control("POST", f"machines/{instance}", {"action": "start-service"})
    wait_until(serves, what="the web server again")


def test_apache_is_broken_to_return_500_and_repaired(account: Account, instance: str) -> None:
    set_up = [
        "mkdir -p /var/www/datelog && echo ok >/var/www/datelog/healthz",
        "systemctl restart httpd",
    ]
    write = f"dnf -qy install httpd && cat >/etc/httpd/conf.d/datelog.conf <<CONF\n{VIRTUAL_HOST}CONF"
    assert run(account, instance, "AWS-RunShellScript", commands=[write, *set_up])[0] == "Success"

    def machine() -> dict[str, Any]:
        listed: Any = account.sandbox.control("GET", "machines", account=account.id)
        return next(one for one in listed["machines"] if one["instance"] == instance)

    def act(action: str) -> None:
        account.sandbox.control("POST", f"machines/{instance}", {"action": action})

    def answers(path: str, code: int) -> bool:
        address = machine()["address"]
        return health_checks.check(
            address, 80, protocol="HTTP", path=path, matcher=str(code), timeout=5
        ).healthy

    wait_until(lambda: answers("/healthz", 200), what="the web server")
    assert answers("/", 503)  # no process serves behind it
    act("break-service")
    wait_until(lambda: answers("/healthz", 500), what="500 from the health check's path")
    wait_until(lambda: answers("/", 500), what="500 from what it passes on")
    assert (machine()["running"], machine()["broken"]) == (True, True)
    act("stop-service")
    act("start-service")  # a restart does not repair it
    wait_until(lambda: answers("/healthz", 500), what="500 again")
    act("repair-service")
    wait_until(lambda: answers("/healthz", 200), what="a web server that is well")
    assert not machine()["broken"]


def test_apache_answers_its_own_check_while_requests_wait_for_a_frozen_app_server(
    account: Account, instance: str
) -> None:
    """As in `tests/sandbox/machines/test_site.py`, with what serves on AWS in place of its stand-in."""
    host = VIRTUAL_HOST.replace("uwsgi://", "http://")
    commands = [
        "dnf -qy install httpd && mkdir -p /var/www/datelog && echo ok >/var/www/datelog/healthz",
        f"cat >/etc/httpd/conf.d/datelog.conf <<CONF\n{host}CONF",
        "systemctl restart httpd",
        "systemd-run -q --unit app python3 -m http.server 9090 --bind 127.0.0.1",
        "until curl -fsS http://127.0.0.1:9090/ >/dev/null; do sleep 0.1; done",
        "systemctl kill -s STOP app",
    ]
    assert run(account, instance, "AWS-RunShellScript", commands=commands)[0] == "Success"
    listed: Any = account.sandbox.control("GET", "machines", account=account.id)
    address = next(one["address"] for one in listed["machines"] if one["instance"] == instance)

    with contextlib.ExitStack() as held:
        waiting = [held.enter_context(send(address, 80, "/")) for _number in range(100)]

        with send(address, 80, "/healthz") as check:
            assert check.recv(100).startswith(b"HTTP/1.1 200")

        assert answered(waiting) == 0
    thaw = ["systemctl kill -s CONT app", "systemctl stop app"]
    assert run(account, instance, "AWS-RunShellScript", commands=thaw)[0] == "Success"


def test_a_full_disk_is_full_for_all_that_runs_on_the_machine_until_it_is_freed(
    account: Account, instance: str
) -> None:
    write = "head -c 1000000 /dev/zero >/opt/new && df --output=pcent /var/log"

    def act(action: str) -> bool:
        """Return whether the disk is full afterwards, as the sandbox reports it."""
        account.sandbox.control("POST", f"machines/{instance}", {"action": action})
        listed: Any = account.sandbox.control("GET", "machines", account=account.id)
        return next(bool(one["disk_full"]) for one in listed["machines"] if one["instance"] == instance)

    assert act("fill-disk")
    status, output = run(account, instance, "AWS-RunShellScript", commands=[write])
    assert status == "Failed"
    assert "No space left on device" in output["0.awsrunShellScript/stderr"]

    assert not act("free-disk")
    status, output = run(account, instance, "AWS-RunShellScript", commands=[write])
    assert status == "Success"
    assert int(output["0.awsrunShellScript/stdout"].split()[-1].rstrip("%")) < 50


def test_a_terminated_instance_takes_its_machine_along(account: Account) -> None:
    key = launch(account)
    listed: Any = account.sandbox.control("GET", "machines")
    assert key in [one["instance"] for one in listed["machines"]]
    wait_until(lambda: processes_with(key) != [], what="the machine")
    account.client("ec2").terminate_instances(InstanceIds=[key])
    wait_until(lambda: not processes_with(f"--machine={key}"), what="the end of the machine")


def test_a_machine_that_ends_by_itself_ends_its_instance(account: Account) -> None:
    key = launch(account)
    run(account, key, "AWS-RunShellScript", commands=["systemctl poweroff --no-block"])

    def state() -> str:
        reported = account.client("ec2").describe_instances(InstanceIds=[key])["Reservations"]
        return str(reported[0]["Instances"][0]["State"]["Name"])

    wait_until(lambda: state() == "terminated", what="the end of the instance")


def groups(*keys: str) -> list[Path]:
    """List the control groups of machines."""
    wanted = {f"sanso-{key}" for key in keys}
    walked = os.walk("/sys/fs/cgroup")  # it ignores folders that disappear meanwhile
    return [Path(folder, name) for folder, names, _files in walked for name in wanted.intersection(names)]


@pytest.mark.parametrize("way", ["stop", "kill", "kill server"])
def test_machines_end_with_the_sandbox(base: object, tmp_path: Path, way: str) -> None:
    sandbox = start_sandbox(tmp_path, machines="booted", database="embedded")
    keys = [launch(Account(sandbox, ACCOUNT)) for _number in range(2)]
    wait_until(lambda: all(processes_with(f"--machine={key}") for key in keys), what="the machines")
    cables = cables_of(tmp_path)
    assert len(cables) == len(keys)
    wait_until(lambda: all(cable.exists() for cable in cables), what="the cables")
    if way == "stop":
        sandbox.stop()
    else:
        assert sandbox.process is not None
        pid = sandbox.process.pid
        server = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        os.kill(server if way == "kill server" else pid, 9)
        sandbox.process.wait()
    for key in keys:
        wait_until(lambda k=key: not processes_with(k), what="the end of the machine")  # type: ignore[misc]
    wait_until(lambda: not any(cable.exists() for cable in cables), what="the end of the cables")
    wait_until(lambda: str(tmp_path) not in Path("/proc/mounts").read_text(), what="the end of the mounts")
    wait_until(lambda: not groups(*keys), what="the end of the control groups")
    wait_until(lambda: not (tmp_path / "data" / "tmp").exists(), what="the end of its files")
    sandbox.kill()
