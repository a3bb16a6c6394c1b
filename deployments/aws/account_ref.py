"""Which account and region is meant: a plain value, so that models need not load boto3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRef:
    """Where to act: a region and how to get there. `endpoint_url` and `access_key` are the sandbox's."""

    region: str
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""
    access_key: str = ""
