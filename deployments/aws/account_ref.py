"""A reference to an account and region: a plain value, so that models do not import boto3."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRef:
    """A region, and how to access it.

    `endpoint_url`, `sandbox_account` (twelve digits) and `token_file` (to fetch keys with) are the sandbox's.
    `reads_per_second` is the API quota of each service of the account, for all workers together. They share
    it in the Redis at `quota_url`; if that is empty, each process has its own.
    """

    region: str
    role_arn: str = ""
    external_id: str = ""
    endpoint_url: str = ""
    sandbox_account: str = ""
    token_file: str = ""
    reads_per_second: float = 2.0
    quota_url: str = ""
