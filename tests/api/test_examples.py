"""The commands in docs/api.md do what the page describes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.api.clients import Program
from tests.builders import make_operator
from tests.health_builders import make_whole
from tests.previews import make_preview
from tests.template_versions import make_source
from tests.views.conftest import TEMPLATE

COMMANDS = re.findall(r"```sh\n(.*?)```", Path("docs/api.md").read_text(), re.DOTALL)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_commands_of_the_documentation_work(
    live_server: LiveServer, tmp_path: Path, settings: Settings
) -> None:
    (tmp_path / "root.yaml").write_text(TEMPLATE)
    settings.SANSO_TEMPLATE_SET = tmp_path
    owner = make_operator("ana")
    shop = make_whole("shop", owner=owner, parameters={"Database": "orders", "Size": "small"})
    environment = {"SANSO_URL": live_server.url, "SANSO_TOKEN": Program(owner).value}
    environment |= {"ENVIRONMENT": str(shop.pk), "PATH": os.environ["PATH"], "FOLDER": str(tmp_path)}
    ready = make_preview(shop)
    environment |= {"DEPLOYMENT": str(ready.pk), "DIGEST": ready.preview_digest}
    environment["SET"] = str(make_source("archives", kind="archive", url="", refs="").pk)

    def run(command: str) -> Any:
        done = subprocess.run(["/bin/sh", "-ec", command], env=environment, capture_output=True, check=True)
        return json.loads(done.stdout)

    me, listed, preview, shown, applied, fetch = map(run, COMMANDS)

    assert me["user"]["username"] == "ana"
    assert [one["name"] for one in listed["items"]] == ["shop"]
    assert preview["parameters"]["Size"] == "large"
    assert (shown["digest"], applied["id"], applied["is_active"]) == (ready.preview_digest, ready.pk, True)
    assert (fetch["state"], fetch["trigger"]) == ("queued", "upload")
