"""Deploy infra_templates/ in a sandbox of its own and record change sets of updates to it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from sandbox_tests.engine.conftest import Account
from sandbox_tests.engine.test_change_sets import done
from tests.cloudformation.change_sets import FOLDER
from tests.sandbox.engine.test_infra_templates import CAPABILITIES, apply, parameters, upload
from tests.services import REPOSITORY, start_sandbox

ACCOUNT = "111122223333"


def described(account: Account, change_set_id: str) -> list[dict[str, Any]]:
    """Describe a change set and those nested in it, the root first."""
    pages = account.cloudformation.get_paginator("describe_change_set").paginate(
        ChangeSetName=change_set_id, IncludePropertyValues=True
    )
    found, *more = list(pages)
    for page in more:
        found["Changes"] += page["Changes"]
    del found["ResponseMetadata"]
    below = [change["ResourceChange"].get("ChangeSetId") for change in found["Changes"]]
    return [found, *(one for child in below if child for one in described(account, child))]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        sandbox = start_sandbox(Path(folder))
        try:
            record(Account(sandbox, ACCOUNT))
        finally:
            sandbox.stop()


def record(account: Account) -> None:
    templates = REPOSITORY / "infra_templates"
    url = upload(account, templates)
    upload(account, templates, "sets/89abcdef")
    stack = apply(account, "shop", "CREATE", TemplateURL=url, Parameters=parameters(account))
    for name, changed in (
        ("scale_app_servers", {"AppServerCount": "3"}),
        ("replace_database", {"DatabaseAdminUser": "root"}),
        ("new_artifacts", {"ArtifactPrefix": "sets/89abcdef"}),
    ):
        made = account.cloudformation.create_change_set(
            StackName=stack,
            ChangeSetName=name.replace("_", "-"),
            ChangeSetType="UPDATE",
            IncludeNestedStacks=True,
            UsePreviousTemplate=True,
            Capabilities=CAPABILITIES,
            Parameters=parameters(account, **changed),
        )
        done(account, made["Id"])
        text = json.dumps(described(account, made["Id"]), indent=1, default=str)
        (FOLDER / f"{name}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    main()
