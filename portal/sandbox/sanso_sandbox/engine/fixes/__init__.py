"""Fixes of what MiniStack itself answers wrongly: one module per fault, which could be offered upstream.

What only the sandbox needs is elsewhere. docs/sandbox.md lists the faults. Each has a test in
sandbox_tests.fixes, which fails once MiniStack has fixed it; then the module is deleted.
"""

from typing import Final

from sanso_sandbox.engine.fixes import (
    address_filters,
    certificate_tags,
    default_security_group,
    default_vpc_route,
    generated_names,
    instance_filters,
    lambda_inline_code,
    lambda_missing_package,
    lambda_reason_codes,
    load_balancer_protection,
    managed_policies,
    metric_data_order,
    network_interface_filters,
    replica_mode,
    role_boundary,
    s3_bucket_owner,
    secret_password,
    secret_reference,
    security_group_filters,
    security_group_gone,
    security_group_in_use,
    security_group_missing_rules,
    security_group_rules,
    stack_tags,
    subnet_group_zones,
    subnet_in_use,
    target_group_association,
    target_group_in_use,
    vpc_endpoint_filters,
    vpc_members,
)

ALL: Final = (
    address_filters,
    certificate_tags,
    default_security_group,
    default_vpc_route,
    stack_tags,
    generated_names,
    instance_filters,
    lambda_inline_code,
    lambda_missing_package,
    lambda_reason_codes,
    load_balancer_protection,
    managed_policies,
    metric_data_order,
    network_interface_filters,
    replica_mode,
    role_boundary,
    s3_bucket_owner,
    secret_password,
    secret_reference,
    security_group_filters,
    security_group_gone,
    security_group_in_use,
    security_group_missing_rules,
    security_group_rules,
    subnet_group_zones,
    subnet_in_use,
    target_group_association,
    target_group_in_use,
    vpc_endpoint_filters,
    vpc_members,
)


def install() -> None:
    """Install every fix, before the services that build on them."""
    for fix in ALL:
        fix.install()
