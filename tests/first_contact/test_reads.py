"""Every method of a gateway that reads is called in the first contact; the others change something."""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

from deployments.aws.session import Clients
from deployments.first_contact.rules.answers import Expect
from deployments.first_contact.steps.reads import READS

CHANGES = {
    *("cloudformation.create_change_set", "cloudformation.execute_change_set"),
    *("cloudformation.delete_change_set", "cloudformation.delete_stack", "cloudformation.update_parameters"),
    *("cloudformation.set_termination_protection", "cloudformation.cancel_update"),
    *("cloudformation.continue_update_rollback", "cloudformation.rollback_stack"),
    *("cloudformation.delete_failed_stack", "elbv2.register_target", "elbv2.deregister_target"),
    *("elbv2.unprotect_load_balancer", "autoscaling.suspend", "autoscaling.resume", "ssm.send_command"),
    *("ssm.start_associations_once", "ssm.start_association_on", "logs.delete_log_group"),
    *("rds.unprotect_cluster", "rds.unprotect_instance", "rds.delete_backup", "rds.create_cluster_snapshot"),
    *("s3.create_bucket", "s3.harden_bucket", "s3.put_object", "s3.delete_versions"),
    "ec2.delete_network_interface",
}
IN_ANOTHER_STEP = {"iam.simulate", "access_analyzer.policy_findings"}


def methods() -> set[str]:
    """Return the methods of all gateways, as gateway.method."""
    protocols = get_type_hints(Clients)
    return {
        f"{one.name}.{name}"
        for one in fields(Clients)
        for name in dir(protocols[one.name])
        if not name.startswith("_") and callable(getattr(protocols[one.name], name))
    }


def test_each_reading_method_of_each_gateway_is_asked() -> None:
    questions = {name.partition(",")[0] for name in READS}

    assert methods() - CHANGES - IN_ANOTHER_STEP - questions == set(), "a new method: add it to READS"
    assert (questions | CHANGES | IN_ANOTHER_STEP) - methods() == set(), "no longer a method"
    assert questions & CHANGES == set()


def test_all_but_a_few_are_asked_where_there_is_nothing_to_find() -> None:
    with_value = {name for name, (expect, _call) in READS.items() if expect is Expect.VALUE}

    assert {name.partition(",")[0] for name in with_value} == {
        "quotas.use_of",
        "rds_maintenance.support_of",
        "sts.caller_identity",
        "ec2.zones",
    }
