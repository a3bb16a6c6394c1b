"""Which account and region is meant: a plain value, so that models need not load boto3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRef:
    """Where to act: a region and how to get there.

    `endpoint_url`, `sandbox_account` (twelve digits) and `token_file` (from which keys are fetched) are the
    sandbox's.

    `reads_per_second` is what each service of the account bears, over all workers, who share the count at
    `quota_url` (Redis). Empty: each process keeps its own.
    """

    region: str
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""
    sandbox_account: str = ""
    token_file: str = ""
    reads_per_second: float = 2.0
    quota_url: str = ""
