"""A web process is warmed up before it accepts requests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

BEFORE_ANYBODY_ASKED = """
import json, sys
import portal.asgi
from django.template import engines
(loader,) = engines["django"].engine.template_loaders
print(json.dumps({
    "views": "deployments.deployment_pages.pages.deployment" in sys.modules,
    "templates": sorted(name for name in loader.get_template_cache),
}))
"""


def test_views_and_templates_are_loaded_before_a_web_process_responds(tmp_path: Path) -> None:
    environment = {**os.environ, "SANSO_DATA_DIR": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", BEFORE_ANYBODY_ASKED],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    reported = json.loads(found.stdout)
    assert reported["views"]
    assert {"base.html", "deployment_pages/deployment.html", "deployment_pages/_event_line.html"} <= {
        *reported["templates"]
    }
