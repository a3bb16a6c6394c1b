"""Commands that release a version, or go back, and what a preview says about running servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.cloudformation.release_kind import Release, ReleaseKind
from deployments.cloudformation.validation import WARNING
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.stacks.shared import event_log
from sanso_cli import session
from tests.builders import make_deployment
from tests.command_line.portal_in_process import PortalInProcess, Shell
from tests.previews import make_preview
from tests.template_versions import make_source, make_version

pytestmark = [pytest.mark.core, pytest.mark.timeout(120)]


def test_a_version_is_released(
    portal: PortalInProcess, shell: Shell, shop: Environment, tmp_path: Path
) -> None:
    source = make_source(name="sets")
    version = make_version(source, tmp_path / "version", "v2")
    output = shell.run("sets", "list")[1]
    assert "sets" in output
    assert "v2" in shell.run("sets", "versions", "sets")[1]

    code, output, errors = shell.run("env", "release", "shop", "--version", "sets@v2", "--yes")

    assert portal.posted("/previews")["template_version"] == version.pk, errors
    assert code == 0, output + errors
    code, _, errors = shell.run("env", "release", "shop", "--version", "sets@v9")
    assert (code, "sanso sets versions" in errors) == (3, True)
    portal.sent.clear()
    number = f"sets@{version.number}"
    assert shell.run("env", "release", "shop", "--version", number, "--yes")[0] == 0
    assert portal.posted("/previews")["template_version"] == version.pk


def test_what_cannot_go_back_says_why(portal: PortalInProcess, shell: Shell, shop: Environment) -> None:
    earlier = make_deployment(shop, state="succeeded", parameters={"Database": "before"})
    make_deployment(shop, state="succeeded", parameters={"Database": "after"})

    code, _, errors = shell.run("env", "rollback", "shop", "--to", str(earlier.pk), "--yes")

    assert (code, "is not stored" in errors) == (3, True)  # the template set of a row without one
    assert portal.posted(f"/deployments/{earlier.pk}/rollback") == {"reason": ""}
    code, _, errors = shell.run("env", "rollback", "shop")  # nothing was kept
    assert (code, "The option for it is --to." in errors) == (3, True)


def test_a_preview_names_the_effect_on_running_servers(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    preview = make_preview(shop)
    release = Release(
        kind=ReleaseKind.DISRUPTIVE, reason=Message(Code.RELEASE_SET_UNKNOWN), servers=1, interrupts=True
    )
    Deployment.objects.filter(pk=preview.pk).update(changes=preview.changes | {"release": release.to_json()})

    found = session.client().get(f"/deployments/{preview.pk}/preview")
    printed = shell.run("approve", str(preview.pk))[1]

    assert (found["release"]["kind"], found["release"]["servers"]) == ("disruptive", 1)
    assert f"Disruptive release: {found['release']['text']}" in printed
    assert "▲ The site has an outage while its only server is changed." in printed


def test_a_preview_names_what_cloudformation_warns_about(
    portal: PortalInProcess, shell: Shell, shop: Environment
) -> None:
    preview = make_preview(shop)
    names = ("path", "place", "type", "check", "property_path", "reason")
    event_log.add(preview, WARNING, revision=preview.revision, **dict.fromkeys(names, "Ip"))

    printed = shell.run("approve", str(preview.pk))[1]

    assert "▲ CloudFormation warns about Ip: Ip (Ip)" in printed
