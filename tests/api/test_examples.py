"""The commands in docs/api.md do what the page describes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from deployments.environments.models.deployments import Deployment
from tests.api.clients import Program
from tests.browsing import TEMPLATE
from tests.builders import make_operator
from tests.flows.web import start_web
from tests.health_builders import make_whole
from tests.previews import make_preview
from tests.services import LIMIT, REPOSITORY, Redis
from tests.template_versions import make_source

COMMANDS = re.findall(r"```sh\n(.*?)```", Path("docs/api.md").read_text(), re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_documentation_work(
    process_environment: dict[str, str], redis_server: Redis, tmp_path: Path, settings: Settings
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = REPOSITORY / "infra_templates"  # its parameters are those of the examples
    owner = make_operator("ana")
    shop = make_whole("shop", owner=owner, parameters={"WebInstanceType": "t4g.micro"})
    environment = {"SANSO_TOKEN": Program(owner).value, "ENVIRONMENT": str(shop.pk)}
    environment |= {"PATH": os.environ["PATH"], "FOLDER": str(folder)}
    assert shop.latest
    finished = Deployment.objects.filter(pk=shop.latest.pk)
    finished.update(ended_at=timezone.now() - timedelta(hours=1))
    ready = make_preview(shop)
    environment |= {"DEPLOYMENT": str(ready.pk), "DIGEST": ready.preview_digest}
    environment["SET"] = str(make_source("archives", kind="archive", url="", refs="").pk)
    web = start_web(tmp_path, process_environment | {"SANSO_TEMPLATE_SET": str(settings.SANSO_TEMPLATE_SET)})
    environment["SANSO_URL"] = web.url

    def output(command: str, **other: str) -> str:
        shell = ["/bin/sh", "-ec", command]
        done = subprocess.run(shell, env=environment | other, capture_output=True, check=True, timeout=LIMIT)
        return done.stdout.decode()

    (stream,) = [command for command in COMMANDS if "/stream" in command]
    try:
        me, listed, preview, shown, applied, fetch = [
            json.loads(output(command)) for command in COMMANDS if command is not stream
        ]
        messages = output(stream, DEPLOYMENT=str(finished.get().pk)).split("\n\n")
    finally:
        web.stop()

    assert me["user"]["username"] == "ana"
    assert [one["name"] for one in listed["items"]] == ["shop"]
    assert preview["parameters"]["WebInstanceType"] == "t4g.small"
    assert (shown["digest"], applied["id"], applied["is_active"]) == (ready.preview_digest, ready.pk, True)
    assert (fetch["state"], fetch["trigger"]) == ("queued", "upload")
    assert "event: end\n" in [message for message in messages if message][-1]
