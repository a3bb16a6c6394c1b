"""An environment that was created before the parameter AppProtocol existed keeps its protocol."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from deployments.template_sets import template_files
from tests.sandbox.engine.test_infra_templates import apply, failures, upload
from tests.sandbox.machines.conftest import ACCOUNT, TEMPLATES, Site, deployed, servers_of, start
from tests.services import REPOSITORY, Sandbox, wait_until

BEFORE = Path(__file__).with_name("before_app_protocol.tar.gz")
"""The templates of the last version without the parameter AppProtocol."""
NEWER = "sets/newer"


@pytest.fixture
def templates_before(tmp_path: Path) -> Path:
    """Return a folder with these templates and the current playbook, application and functions."""
    with tarfile.open(BEFORE) as archive:
        archive.extractall(tmp_path, filter="data")
    for folder in ("playbook", "datelog", "infra_templates/functions"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    functions = tmp_path / "infra_templates" / "functions"  # the module's earlier name
    shutil.copy(functions / "initialize_database.py", functions / "initialise_database.py")
    return tmp_path / "infra_templates"


def association(site: Site, output: str) -> str:
    """Return the parameters of the association that an output of the root stack names."""
    identifier = site.account.outputs(site.root)[output]
    described: Any = site.account.client("ssm").describe_association(AssociationId=identifier)
    return json.dumps(described["AssociationDescription"]["Parameters"])


def commands_of_app_servers(sandbox: Sandbox) -> list[bytes]:
    """Return the command lines of the uWSGIs that serve datelog."""
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in servers_of(sandbox)]
    return [command for command in commands if b"datelog.wsgi" in command]


def test_an_update_to_newer_templates_with_all_values_as_before_changes_no_protocol(
    tmp_path: Path, templates_before: Path
) -> None:
    sandbox = start(tmp_path / "sandbox", "embedded")
    # These templates have patterns for parameters that outputs feed; placeholders are not checked here.
    sandbox.control("POST", "readings", {"patterns_match_placeholders": False}, account=ACCOUNT)
    try:
        site = deployed(sandbox, templates_before)
        before = [site.get("write").removeprefix("Saved: ").strip()]
        kept = [*template_files.load(templates_before).parameters, "ArtifactBucket"]

        values: list[dict[str, Any]] = [{"ParameterKey": name, "UsePreviousValue": True} for name in kept]
        values.append({"ParameterKey": "ArtifactPrefix", "ParameterValue": NEWER})
        newer = upload(site.account, TEMPLATES, NEWER)
        apply(site.account, site.root, "UPDATE", TemplateURL=newer, Parameters=values)

        assert site.account.status(site.root) == "UPDATE_COMPLETE", failures(site.account)
        assert "APP_PROTOCOL=uwsgi" in association(site, "AppAssociationId")
        assert f"uwsgi://{site.outputs['NlbDnsName']}:9090/" in association(site, "WebAssociationId")
        wait_until(site.is_whole, what="healthy targets in both tiers")
        before.append(site.get("write").removeprefix("Saved: ").strip())
        wait_until(lambda: json.loads(site.get("read")) == before, what="both times in the list")
        commands = commands_of_app_servers(sandbox)
        assert commands
        assert all(b"--uwsgi-socket" in command for command in commands)

        site.account.cloudformation.delete_stack(StackName=site.root)
        assert site.account.settled(site.root) == "DELETE_COMPLETE"
    finally:
        sandbox.stop()
