"""The gateway to the Resource Groups Tagging API: resources with a tag, in all services of a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient


class Tagging(Protocol):
    """The calls to the Tagging API that the runner makes."""

    def tagged(self, key: str, value: str) -> list[str]:
        """Return the ARNs of the resources with the tag, and for a while of those that had it
        (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html)."""
        ...


class TaggingGateway:
    """The Tagging API through boto3; the protocol above documents the method."""

    def __init__(self, client: ResourceGroupsTaggingAPIClient) -> None:
        self._client = client

    def tagged(self, key: str, value: str) -> list[str]:
        pages = self._client.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": key, "Values": [value]}]
        )
        with calling("tag:GetResources"):
            return [row["ResourceARN"] for page in pages for row in page.get("ResourceTagMappingList", [])]
