"""The gateway to the Resource Groups Tagging API: what bears a tag, in all services of a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from deployments.aws.error_mapping import calling

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient


class Tagging(Protocol):
    """What the runner asks of the Tagging API."""

    def tagged(self, key: str, value: str) -> list[str]:
        """Return the ARNs of what has the tag, and for a while of what had it
        (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html)."""
        ...


class TaggingGateway:
    """The Tagging API through boto3; the protocol above says what the method does."""

    def __init__(self, client: ResourceGroupsTaggingAPIClient) -> None:
        self._client = client

    def tagged(self, key: str, value: str) -> list[str]:
        pages = self._client.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": key, "Values": [value]}]
        )
        with calling("tag:GetResources"):
            return [row["ResourceARN"] for page in pages for row in page.get("ResourceTagMappingList", [])]
