"""Write the recordings: run a sandbox, create the environment, and keep the change sets of several changes.

    .venv/bin/python -m tests.cloudformation.recorded.record

Each change is executed, and what its events touch is kept beside what the change set said.
"""

from __future__ import annotations

import json
import logging
import lzma
import tempfile
from pathlib import Path
from typing import Any

from deployments.template_sets import template_files
from sandbox_tests.engine.conftest import Account
from tests.cloudformation.recorded import FILE
from tests.sandbox.engine.test_infra_templates import CAPABILITIES, upload
from tests.services import REPOSITORY, start_sandbox, wait_until

SCENES: dict[str, dict[str, str]] = {
    "scale": {"AppServerCount": "3"},
    "traffic": {"ClientCidr": "203.0.113.0/24"},
    "database": {"DatabaseName": "shop"},
    "version": {"ArtifactPrefix": "sets/later"},
}
"""The parameters that each change sets, one after the other."""


def main() -> None:
    """Write the file."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    with tempfile.TemporaryDirectory() as folder:
        sandbox = start_sandbox(Path(folder))
        try:
            kept = record(Account(sandbox, "111122223333"))
        finally:
            sandbox.stop()
    FILE.write_bytes(lzma.compress(json.dumps(kept, sort_keys=True, default=str).encode(), preset=9))


def record(account: Account) -> dict[str, Any]:
    """Play all scenes in one account and return what is kept."""
    folder = REPOSITORY / "infra_templates"
    url = upload(account, folder)
    later = upload(account, folder, "sets/later")
    contents = template_files.load(folder).contents
    values = {
        "ArtifactBucket": account.bucket,
        "ArtifactPrefix": "sets/0123abcd",
        "DeletionProtection": "false",
    }
    root, _ = _changed(account, "CREATE", url, values)
    kept: dict[str, Any] = {"templates": {"set": contents}, "scenes": {}}
    for name, changed in SCENES.items():
        before = account.parameters(root)
        values |= changed
        seen = _seen(account, root)
        _, answers = _changed(account, "UPDATE", later if "ArtifactPrefix" in changed else url, values, root)
        touched = sorted(path for path, count in _seen(account, root).items() if count != seen.get(path))
        kept["scenes"][name] = {
            "root": next(iter(answers)),
            "answers": answers,
            "before": {"templates": "set", "values": before},
            "after": {"templates": "set", "values": before | changed},
            "touched": touched,
        }
        logging.info("%s: %s change sets, %s resources touched", name, len(answers), len(touched))
    return kept


def _changed(
    account: Account, kind: str, url: str, values: dict[str, str], stack: str = "shop"
) -> tuple[str, dict[str, Any]]:
    """Execute a change set, and return the stack's id and the answers about it and its nested ones."""
    made = account.cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=f"by-{len(json.dumps(values))}-{kind.lower()}",
        ChangeSetType=kind,
        IncludeNestedStacks=True,
        Capabilities=CAPABILITIES,
        TemplateURL=url,
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )
    describe = account.cloudformation.describe_change_set
    wait_until(lambda: not describe(ChangeSetName=made["Id"])["Status"].endswith("_IN_PROGRESS"))
    answers: dict[str, Any] = {}
    _read(account, made["Id"], answers)
    account.cloudformation.execute_change_set(ChangeSetName=made["Id"])
    wait_until(lambda: not account.status(made["StackId"]).endswith("_IN_PROGRESS"), seconds=300)
    logging.info("%s: %s", kind, account.status(made["StackId"]))
    return made["StackId"], answers


def _read(account: Account, change_set: str, answers: dict[str, Any]) -> None:
    pages = account.cloudformation.get_paginator("describe_change_set").paginate(
        ChangeSetName=change_set, IncludePropertyValues=True
    )
    found = [{key: value for key, value in page.items() if key != "ResponseMetadata"} for page in pages]
    answers[change_set] = found
    for page in found:
        for change in page["Changes"]:
            for context in ("BeforeContext", "AfterContext"):  # not read, and most of the size
                change["ResourceChange"].pop(context, None)
            if nested := change["ResourceChange"].get("ChangeSetId"):
                _read(account, nested, answers)


def _seen(account: Account, stack: str, path: str = "") -> dict[str, int]:
    """Return the number of events of each resource, by its path."""
    found: dict[str, int] = {}
    for event in account.events(stack):
        if event.get("PhysicalResourceId") != event["StackId"]:
            at = f"{path}/{event['LogicalResourceId']}".lstrip("/")
            found[at] = found.get(at, 0) + 1
    pages = account.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    for one in (row for page in pages for row in page["StackResourceSummaries"]):
        if one["ResourceType"] == "AWS::CloudFormation::Stack" and one.get("PhysicalResourceId"):
            found |= _seen(
                account, one["PhysicalResourceId"], f"{path}/{one['LogicalResourceId']}".lstrip("/")
            )
    return found


if __name__ == "__main__":
    main()
