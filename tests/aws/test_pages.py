"""Every list of AWS is read to its last page."""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session
from botocore import xform_name
from botocore.exceptions import UnknownServiceError

from deployments import aws

BY_NAME = {
    "cloudformation.describe_stacks": "one stack, by its name or id",
    "elbv2.describe_load_balancers": "as many as are named, at most 20",
    "elbv2.describe_target_groups": "as many as are named, at most 20",
    "rds.describe_db_cluster_snapshots": "one snapshot, by its id, while it is taken",
    "ssm.list_command_invocations": "one, by its command and instance",
    "s3.list_object_versions": "the caller deletes what was listed, and lists again until nothing is left",
}
"""Calls of operations with pages that have one page only, with the reason."""
MODULES = {"stack_operations": "cloudformation", "tagging": "resourcegroupstaggingapi"}
"""The service of a gateway module whose name is another one."""


def operations_with_pages(service: str) -> set[str]:
    """Return the operations of a service whose answers have pages, as methods of its client."""
    loader = botocore.session.get_session().get_component("data_loader")
    try:
        found = loader.load_service_model(service, "paginators-1")["pagination"]
    except (UnknownServiceError, botocore.exceptions.DataNotFoundError):
        return set()
    return {xform_name(name) for name in found}


def test_each_call_of_an_operation_with_pages_goes_through_its_paginator() -> None:
    direct = set()
    for file in Path(aws.__file__).parent.glob("*.py"):
        service = MODULES.get(file.stem, file.stem)
        called = set(re.findall(r"_client\.(\w+)\(", file.read_text()))
        direct |= {f"{service}.{name}" for name in called & operations_with_pages(service)}

    assert direct == set(BY_NAME)
