"""The deployed environment serves visitors through both load balancers and tiers, with the database."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from deployments.aws.site import check_site
from deployments.aws.site_address import site_of
from sandbox_tests.raw_requests import answered, send
from tests.sandbox.machines.conftest import Site, servers_of
from tests.services import wait_until

RUN_PLAYBOOK = {
    "schemaVersion": "2.2",
    "parameters": {"ExtraVariables": {"type": "String"}},
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "runPlaybook",
            "inputs": {"runCommand": ["ansible-playbook -e '{{ ExtraVariables }}' playbook.yml"]},
        }
    ],
}


def test_about_says_that_machines_are_processes(site: Site) -> None:
    about: Any = site.account.sandbox.control("GET", "about")
    assert about["machines"] == "processes"


def test_times_that_were_saved_are_read_back(site: Site) -> None:
    before = json.loads(site.get("read"))
    saved = [site.get("write").removeprefix("Saved: ").strip() for _number in range(3)]
    wait_until(lambda: json.loads(site.get("read")) == [*before, *saved], what="the saved times in the list")
    assert site.get("") == site.get("read")


def test_the_portal_can_save_a_time_through_the_site(site: Site) -> None:
    requested = site_of(site.outputs["AlbDnsName"], site.outputs["SiteUrl"], loopback=True)

    answer = check_site(requested)

    assert (answer.wrote, answer.read, answer.problem) == (True, True, None)
    assert answer.saved in json.loads(site.get("read"))


def test_app_servers_call_aws_as_their_instances_role(site: Site) -> None:
    site.get("read")
    reported: Any = site.account.sandbox.control("GET", "calls", account=site.account.id)
    readers = {call["caller"] for call in reported["calls"] if call["action"] == "GetSecretValue"}
    servers = {machine["instance"] for machine in site.machines("uwsgi")}
    assert servers <= {reader.rpartition("/")[2] for reader in readers if ":assumed-role/" in reader}


def test_both_servers_of_both_tiers_get_requests(site: Site) -> None:
    for _number in range(6):
        site.get("read")
    for service in ("httpd", "uwsgi"):
        machines = site.machines(service)
        assert len(machines) == 2
        for machine in machines:
            wait_until(lambda m=machine: "GET /read" in site.log(m), what="the request in the log")  # type: ignore[misc]


def test_the_log_has_the_client_that_the_load_balancer_was_told_of(site: Site) -> None:
    site.get("read?from=elsewhere", **{"X-Forwarded-For": "203.0.113.9"})
    lines = [line for machine in site.machines("uwsgi") for line in site.log(machine).splitlines()]
    (line,) = [line for line in lines if "from=elsewhere" in line]
    assert "203.0.113.9" in line


def test_an_association_says_what_it_did_in_place_of_a_machine(site: Site) -> None:
    s3 = site.account.client("s3")
    listed = s3.list_objects_v2(Bucket=site.account.bucket, Prefix="logs/")["Contents"]
    keys = [one["Key"] for one in listed if one["Key"].endswith("runShellScript/runPlaybook/stdout")]
    assert len(keys) == 2
    text = s3.get_object(Bucket=site.account.bucket, Key=keys[0])["Body"].read().decode()
    assert text.startswith("Process stand-in: i-")
    assert "Started, listening on 127." in text


def test_a_stopped_service_is_seen_by_the_checks_and_traffic_goes_on(site: Site) -> None:
    site.account.pace(1.0)  # the target fails within the group's grace period
    try:
        machine = site.machines("uwsgi")[0]
        key = machine["instance"]
        site.act(key, "stop-service")
        for _number in range(6):
            site.get("read")
        wait_until(lambda: site.health("App")[key]["State"] == "unhealthy", what="an unhealthy target")
        assert site.health("App")[key]["Reason"] == "Target.FailedHealthChecks"
        for _number in range(4):
            site.get("read")
        site.act(key, "start-service")
        wait_until(site.is_whole, what="healthy targets again")
    finally:
        site.account.pace(0)


def test_a_web_server_that_answers_500_is_seen_by_the_checks_and_gets_no_requests(site: Site) -> None:
    site.account.pace(1.0)
    try:
        broken, well = (machine["instance"] for machine in site.machines("httpd"))

        def reason(code: str) -> bool:
            return site.health("Web")[broken].get("Reason") == code

        def reads() -> bool:
            """Return whether the load balancer avoids the broken server, which takes it a moment."""
            try:
                return all(site.get("read") for _number in range(4))
            except urllib.error.HTTPError as refused:
                refused.close()
                return False

        site.act(broken, "break-service")
        wait_until(lambda: site.health("Web")[broken]["State"] == "unhealthy", what="an unhealthy target")
        assert site.health("Web")[broken] == {
            "State": "unhealthy",
            "Reason": "Target.ResponseCodeMismatch",
            "Description": "Health checks failed with these codes: [500]",
        }
        assert [one["broken"] for one in site.machines("httpd")] == [True, False]
        assert site.health("Web")[well] == {"State": "healthy"}
        assert site.states("App") == ["healthy", "healthy"]
        wait_until(reads, what="requests at the other one only")

        site.act(broken, "stop-service")
        wait_until(lambda: reason("Target.FailedHealthChecks"), what="a target that refuses connections")
        site.act(broken, "start-service")  # a restart does not repair it
        wait_until(lambda: reason("Target.ResponseCodeMismatch"), what="500 again")
        site.act(broken, "repair-service")
        wait_until(site.is_whole, what="healthy targets again")
    finally:
        site.account.pace(0)


def test_a_web_server_answers_its_own_check_while_requests_wait_for_frozen_app_servers(site: Site) -> None:
    """A pool of four threads was full of them, so that a healthy web server failed its checks as well."""
    web = site.machines("httpd")[0]
    frozen = [one["instance"] for one in site.machines("uwsgi")]
    site.account.pace(1.0)  # the groups replace nothing meanwhile
    try:
        with contextlib.ExitStack() as held:
            for pid in processes_named(site, [f"app {one}" for one in frozen]):
                os.kill(pid, signal.SIGSTOP)
                held.callback(os.kill, pid, signal.SIGCONT)
            address, port = web["address"], port_of(web)
            waiting = [held.enter_context(send(address, port, "/read")) for _number in range(8)]

            with send(address, port, "/healthz") as check:
                assert check.recv(100).startswith(b"HTTP/1.1 200")

            assert answered(waiting) == 0
        wait_until(site.is_whole, what="healthy targets again")
        site.get("read")
    finally:
        site.account.pace(0)


def port_of(machine: dict[str, Any]) -> int:
    """Return the port that a machine listens at, from Linux's list of sockets.

    Its addresses are hexadecimal, 0A is LISTEN: https://docs.kernel.org/networking/proc_net_tcp.html
    """
    address = socket.inet_aton(machine["address"])[::-1].hex().upper()
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    (port,) = {row[1].partition(":")[2] for row in rows if row[1].startswith(address) and row[3] == "0A"}
    return int(port, 16)


def processes_named(site: Site, names: list[str]) -> list[int]:
    """Return the processes of the sandbox with these names, as uWSGI sets them."""
    running = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in servers_of(site.account.sandbox)}
    found = [pid for pid, command in running.items() if any(name.encode() in command for name in names)]
    assert len(found) >= len(names), running
    return found


def test_an_app_server_cannot_be_made_to_answer_500(site: Site) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        site.act(site.machines("uwsgi")[0]["instance"], "break-service")
    assert "no web server" in json.load(refused.value)["error"]
    refused.value.close()


def test_nobody_answers_while_every_web_server_is_stopped(site: Site) -> None:
    site.account.pace(1.0)
    try:
        web = [machine["instance"] for machine in site.machines("httpd")]
        for key in web:
            site.act(key, "stop-service")
        with pytest.raises(urllib.error.HTTPError) as refused:
            site.get("read")
        assert refused.value.code == 502
        assert refused.value.headers["Server"] == "awselb/2.0"
        refused.value.close()
        for key in web:
            site.act(key, "start-service")
        wait_until(site.is_whole, what="healthy targets again")
        site.get("read")
    finally:
        site.account.pace(0)


@pytest.mark.parametrize("service", ["uwsgi", "httpd"])
def test_a_killed_instance_is_replaced_and_traffic_goes_on(site: Site, service: str) -> None:
    before = {machine["instance"] for machine in site.machines()}
    killed = site.machines(service)[0]["instance"]
    site.act(killed, "kill")
    site.get("read")
    wait_until(
        lambda: killed not in site.health("App" if service == "uwsgi" else "Web") and site.is_whole(),
        what="a replacement in service",
    )
    (new,) = [machine for machine in site.machines(service) if machine["instance"] not in before]

    def reached() -> bool:
        site.get("read?by=all")
        return "by=all" in site.log(new)

    wait_until(reached, what="a request at the new server")


def test_an_unknown_machine_or_action_is_refused(site: Site) -> None:
    for path, action, code in (
        ("machines/i-0", "kill", 404),
        (f"machines/{site.machines()[0]['instance']}", "dance", 400),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            site.account.sandbox.control("POST", path, {"action": action})
        assert refused.value.code == code
        refused.value.close()


def test_a_service_that_does_not_start_fails_its_association_with_the_end_of_the_log(site: Site) -> None:
    ec2, ssm = site.account.client("ec2"), site.account.client("ssm")
    profiles = site.account.client("iam").list_instance_profiles()["InstanceProfiles"]
    profile = next(one for one in profiles if "App" in one["InstanceProfileName"])
    prefix = "logs/whole/app-servers/failing"  # its role may write to this log group
    image = ssm.get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64")
    (lone,) = ec2.run_instances(
        ImageId=image["Parameter"]["Value"],
        InstanceType="t4g.micro",
        MinCount=1,
        MaxCount=1,
        IamInstanceProfile={"Arn": profile["Arn"]},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Server", "Value": "App"}]}],
    )["Instances"]
    key = lone["InstanceId"]
    ssm.create_document(Name="run-playbook", DocumentType="Command", Content=json.dumps(RUN_PLAYBOOK))
    made = ssm.create_association(
        Name="run-playbook",
        Parameters={"ExtraVariables": ["DB_NAME=x DB_PASSWORD=x DB_TLS=maybe"]},
        Targets=[{"Key": "InstanceIds", "Values": [key]}],
        OutputLocation={
            "S3Location": {"OutputS3BucketName": site.account.bucket, "OutputS3KeyPrefix": prefix}
        },
    )["AssociationDescription"]["AssociationId"]

    def status() -> str:
        description = ssm.describe_association(AssociationId=made)["AssociationDescription"]
        return str(description["Overview"]["Status"])

    wait_until(lambda: status() == "Failed", what="the association's failure")
    s3 = site.account.client("s3")
    listed = s3.list_objects_v2(Bucket=site.account.bucket, Prefix=f"{prefix}/")["Contents"]
    (stderr,) = [one["Key"] for one in listed if one["Key"].endswith("/stderr")]
    text = s3.get_object(Bucket=site.account.bucket, Key=stderr)["Body"].read().decode()
    assert "uWSGI did not start" in text
    assert "DB_TLS is 'maybe'" in text
    ssm.delete_association(AssociationId=made)
    ec2.terminate_instances(InstanceIds=[key])
