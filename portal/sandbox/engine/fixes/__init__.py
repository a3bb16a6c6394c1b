"""Fixes of what MiniStack itself answers wrongly: one module per fault, which could be offered upstream.

What only the sandbox needs is elsewhere. docs/sandbox.md lists the faults. Each has a test in
tests/sandbox/fixes, which fails once MiniStack has mended it; then the module is deleted.
"""

from typing import Final

from portal.sandbox.engine.fixes import (
    cluster_tags,
    generated_names,
    lambda_inline_code,
    lambda_missing_package,
    role_boundary,
    s3_bucket_owner,
    secret_password,
    secret_reference,
    subnet_group_zones,
)

ALL: Final = (
    cluster_tags,
    generated_names,
    lambda_inline_code,
    lambda_missing_package,
    role_boundary,
    s3_bucket_owner,
    secret_password,
    secret_reference,
    subnet_group_zones,
)


def install() -> None:
    """Put every fix in place, before the services that build on them."""
    for fix in ALL:
        fix.install()
