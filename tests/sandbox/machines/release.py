"""Manual releases: a changed datelog, installed by commands, by a stack update, or on new servers."""

from __future__ import annotations

import http.client
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from deployments.template_sets import template_files
from tests.sandbox.engine.test_infra_templates import apply, failures, parameters, upload
from tests.sandbox.machines.conftest import Site
from tests.services import REPOSITORY, wait_until

CHECKS = ["HealthCheck", "ReplaceUnhealthy"]
LONG = 300.0  # seconds


class Release:
    """A zip of the playbook with a changed datelog, in the bucket of the environment."""

    def __init__(self, site: Site, name: str, more: str) -> None:
        self.site, self.name = site, name
        self.ssm: Any = site.account.client("ssm")
        groups = site.account.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
        app = site.outputs["AppTargetGroupArn"]
        (self.group,) = [group for group in groups if app in group["TargetGroupARNs"]]
        self.servers = sorted(one["InstanceId"] for one in self.group["Instances"])
        association = self.ssm.describe_association(AssociationId=site.outputs["AppAssociationId"])
        self.association: dict[str, Any] = association["AssociationDescription"]
        self.url = self._upload(more)

    def _upload(self, more: str) -> str:
        url: str = self.association["Parameters"]["SourceUrl"][0]
        bucket = urlsplit(url).netloc.partition(".")[0]
        key = urlsplit(url).path.lstrip("/")
        s3 = self.site.account.client("s3")
        source = zipfile.ZipFile(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        changed = io.BytesIO()
        with zipfile.ZipFile(changed, "w") as archive:
            for name in source.namelist():
                body = source.read(name)
                archive.writestr(name, body + more.encode() if name == "app/datelog/urls.py" else body)
        new_key = f"{key.rpartition('/')[0]}/{self.name}/playbook.zip"
        s3.put_object(Bucket=bucket, Key=new_key, Body=changed.getvalue())
        return url.removesuffix(key) + new_key

    def send(self, *servers: str) -> str:
        """Install the release on servers, wait, and return the status of the command."""
        sent = self.ssm.send_command(
            DocumentName=self.association["Name"],
            InstanceIds=list(servers),
            Parameters={**self.association["Parameters"], "SourceUrl": [self.url]},
        )["Command"]["CommandId"]

        def status() -> str:
            return str(self.ssm.list_commands(CommandId=sent)["Commands"][0]["Status"])

        wait_until(lambda: status() not in ("Pending", "InProgress"), what="the command's end")
        return status()

    def exchange(self, server: str) -> None:
        """Deregister a server, install the release on it, and register it again."""
        elb, scaling = self.site.account.client("elbv2"), self.site.account.client("autoscaling")
        group, target = self.site.outputs["AppTargetGroupArn"], [{"Id": server}]
        name = self.group["AutoScalingGroupName"]
        scaling.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=CHECKS)
        elb.deregister_targets(TargetGroupArn=group, Targets=target)
        wait_until(lambda: server not in self.site.health("App"), seconds=LONG, what="the end of draining")
        assert self.send(server) == "Success"
        elb.register_targets(TargetGroupArn=group, Targets=target)
        wait_until(lambda: self.site.health("App")[server]["State"] == "healthy", what="a healthy target")
        scaling.resume_processes(AutoScalingGroupName=name, ScalingProcesses=CHECKS)


def request(site: Site, path: str) -> tuple[int, str, str]:
    """Return status, version and body of a request through both load balancers."""
    url = urlsplit(site.outputs["SiteUrl"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers["X-Datelog-Version"] or "", answer.read().decode()
    finally:
        connection.close()


def versions(site: Site) -> set[str]:
    return {request(site, "/read")[1] for _number in range(12)}


def update(site: Site, folder: Path, name: str, more: str, **changed: str) -> None:
    """Update the stack to a template set with a changed datelog, and wait until it is complete."""
    for part in ("infra_templates", "playbook", "datelog"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / part, folder / part, ignore=ignored, dirs_exist_ok=True)
    with (folder / "datelog/urls.py").open("a") as urls:
        urls.write(more)
    root_url = upload(site.account, folder / "infra_templates", prefix=name)
    declared = template_files.load(folder / "infra_templates").parameters.values()
    values = {one.name: one.new_environment for one in declared if one.new_environment is not None}
    given = parameters(site.account, **{**values, "ArtifactPrefix": name, **changed})
    request = {"TemplateURL": root_url, "Parameters": given}
    apply(site.account, "whole", "UPDATE", name=f"to-{name}", seconds=LONG, **request)
    assert site.account.status(site.root) == "UPDATE_COMPLETE", failures(site.account)
