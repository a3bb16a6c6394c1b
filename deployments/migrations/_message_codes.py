"""Sentences that rows stored before messages had codes, for migration 0056: {"template": sentence, "values": {…}}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

CODES: Final[Mapping[str, str]] = {
    "Type the name %(environment)s exactly to delete the environment.": "name_not_confirmed",
    "Deletion protection is on: AWS would refuse. Tick the box to turn it off first.": "deletion_protection_on",
    "The environment is deleted already.": "environment_already_deleted",
    "Only an environment whose stack no longer exists can be forgotten. Delete it instead.": "stack_still_exists",
    "A name has letters, digits and hyphens, and begins with a letter.": "name_invalid",
    "A name has at most %(count)s characters.": "name_too_long",
    "%(environment)s is being changed by another deployment. Wait for its end, or open it from the list.": "environment_busy",
    "The template set has no parameter %(parameter)s.": "parameter_unknown",
    "This value is not allowed.": "parameter_not_allowed",
    "The account already has an environment named %(environment)s. Choose another name.": "environment_name_taken",
    "The environment has no such association.": "association_not_found",
    "The association's last run failed on no instance.": "no_failed_instances",
    "No load balancer of this environment is known yet.": "load_balancer_unknown",
    "The artifact bucket %(bucket)s lies in another region than %(region)s. Name a bucket of this region in the account.": "bucket_in_other_region",
    "The artifact bucket %(bucket)s belongs to another account, or this role may not see it. Name another bucket in the account's settings, or grant s3:ListBucket on it.": "bucket_not_accessible",
    "The time was saved, but the list does not show it within %(seconds)s s.": "site_saved_not_listed",
    "%(path)s leads elsewhere, to %(location)s. Sanso does not follow.": "site_redirected",
    "%(path)s answers %(status)s: %(text)s": "site_error_status",
    "%(path)s answers, but not as datelog does: %(text)s": "site_unexpected_response",
    "%(path)s is not answered (%(error)s).": "site_no_response",
    "The load balancer takes no connection at port %(port)s (%(error)s).": "site_connection_failed",
    "The load balancer has no name yet.": "site_name_missing",
    "%(name)s is not the name of a load balancer. Nothing was asked.": "site_name_not_allowed",
    "%(name)s leads to %(address)s, which no load balancer has. Nothing was asked.": "site_address_not_allowed",
    "Nothing listens behind the load balancers of this sandbox.": "site_sandbox_without_servers",
    "The name %(name)s leads nowhere (%(error)s).": "site_name_not_resolved",
    "The package %(package)s is not installed here.": "package_not_installed",
    "The package %(package)s is not pure Python.": "package_not_pure_python",
    "cfn-lint could not check the template set: %(why)s": "lint_failed",
    "There is no template set at %(folder)s.": "template_set_not_found",
    "%(file)s: Parameters is not a mapping.": "parameters_not_a_mapping",
    "%(file)s has no parameter %(parameter)s.": "file_without_parameter",
    "%(manifest)s names %(file)s, which is not there.": "manifest_file_missing",
    "%(folder)s needs exactly one root template, and %(count)s could be it: call it root.yaml or name it in %(manifest)s.": "root_template_ambiguous",
    "%(manifest)s names %(file)s for %(key)s: it is not there.": "manifest_artifact_missing",
    "%(file)s: the parameter %(parameter)s has no Type.": "parameter_without_type",
    "%(file)s: the Default of %(parameter)s must be a text or a number.": "parameter_default_invalid",
    "%(file)s cannot be read: %(why)s.": "file_unreadable",
    "%(where)s: AWS says %(code)s.": "status_unknown",
    "%(where)s is being taken out; it gets no new requests.": "target_draining",
    "%(where)s is being checked for the first time.": "target_initial",
    "%(where)s does not pass its health checks (%(code)s).": "target_unhealthy",
    "%(where)s gets no requests (%(code)s).": "target_unused",
    "%(where)s is not checked (%(code)s).": "target_unavailable",
    "%(where)s is being registered with its load balancer.": "target_registering",
    "%(where)s answers health checks with another HTTP code than wanted (%(code)s).": "target_response_code",
    "%(where)s does not answer health checks in time (%(code)s).": "target_timeout",
    "%(where)s refuses the connection of health checks, or answers nonsense (%(code)s).": "target_failed_checks",
    "%(where)s is not registered with its target group (%(code)s).": "target_not_registered",
    "No load balancer uses the target group of %(where)s in its zone (%(code)s).": "target_not_in_use",
    "%(where)s is stopped or terminated (%(code)s).": "target_stopped",
    "A load balancer uses the address of %(where)s itself (%(code)s).": "target_ip_unusable",
    "Health checks of %(where)s are switched off (%(code)s).": "target_check_disabled",
    "The load balancer of %(where)s has a fault of its own (%(code)s).": "target_balancer_error",
    "%(where)s is being set up.": "balancer_provisioning",
    "%(where)s routes requests but cannot scale (%(code)s).": "balancer_impaired",
    "%(where)s could not be set up (%(code)s).": "balancer_failed",
    "%(where)s is starting (%(code)s).": "instance_starting",
    "%(where)s is leaving its group (%(code)s).": "instance_leaving",
    "%(where)s stands aside of its group (%(code)s).": "instance_standby",
    "%(where)s is held in quarantine (%(code)s).": "instance_quarantined",
    "Its Auto Scaling group takes %(where)s for unhealthy and will replace it.": "instance_marked_unhealthy",
    "%(where)s is being made (%(code)s).": "database_creating",
    "%(where)s answers, but is being changed (%(code)s).": "database_modifying",
    "%(where)s does not answer (%(code)s).": "database_unavailable",
    "%(where)s has failed (%(code)s).": "database_failed",
    "%(where)s was last observed too long ago to say.": "data_out_of_date",
    "State Manager was not asked about %(where)s yet.": "association_not_polled",
    "%(name)s waits for %(count)s more instance(s).": "association_waits_for_instances",
    "%(name)s has not succeeded: State Manager says %(code)s.": "association_not_succeeded",
    "The targets of the %(where)s tier were not asked for yet.": "targets_not_polled",
    "%(count)s more server(s) must register in the %(where)s tier.": "servers_not_registered",
    "datelog has not saved a time and read it back through the load balancer yet.": "site_check_pending",
    "%(name)s has not run on %(instance)s yet.": "run_not_started",
    "%(name)s is not done on %(instance)s (%(code)s).": "run_not_finished",
    "%(name)s failed on %(instance)s (%(code)s).": "run_failed",
    "%(name)s failed on %(instance)s: its task “%(task)s”.": "run_task_failed",
    "%(where)s is not healthy yet (%(code)s).": "target_not_healthy",
    "Its templates have no servers, load balancers or databases to look at.": "nothing_to_monitor",
    "It is being made.": "environment_creating",
    "%(where)s was not observed yet.": "not_observed",
    "%(where)s has no server.": "no_servers",
    "%(where)s has %(count)s of %(total)s servers.": "servers_missing",
    "%(where)s has no writer.": "no_writer",
    "%(where)s is not registered with a load balancer.": "server_not_registered",
    "%(where)s was not configured: the task “%(task)s” of %(name)s failed.": "server_task_failed",
    "%(where)s was not configured: %(name)s ended as %(code)s.": "server_not_configured",
    "Only a deployment that has ended can be exported.": "deployment_still_running",
    "This is not a recording that this version can read.": "recording_invalid",
    "There is no recording of that name.": "recording_not_found",
    "A step failed for a reason that Sanso did not expect.": "unexpected_error",
    "A step failed for a reason that Sanso did not expect. The worker's log has the details.": "unexpected_error_in_log",
    "Asked for on %(count)s instance(s).": "run_requested_on_some",
    "Asked for on all instances.": "run_requested_on_all",
    "The log was deleted with its stack before it could be read.": "log_deleted",
    "It could not be read. %(action)s: %(aws)s (%(code)s)": "evidence_unreadable",
    "CloudFormation made no change set: %(reason)s": "change_set_rejected",
    "%(aws)s Add it to SANSO_CAPABILITIES if the portal may do this in your accounts.": "capabilities_insufficient",
    "AWS does not answer %(action)s (%(code)s). Sanso asks again, slower each time.": "aws_retrying",
    "AWS denies %(action)s (%(code)s).": "aws_denied_short",
    "%(action)s: %(aws)s (%(code)s)": "aws_error",
    "The template set was changed after the form was filled. Review the parameters and deploy again.": "template_set_changed",
    "cfn-lint found errors in the template set (%(count)s): %(worst)s. Mend the templates and deploy again.": "lint_errors",
    "The account already has a stack named %(stack)s (%(status)s). Choose another environment name, or delete that stack first.": "stack_name_taken",
    "The stack does not exist any more: it was deleted outside of Sanso.": "stack_missing",
    "A time was saved and read back in %(milliseconds)s ms.": "site_check_succeeded",
    "The stack was deleted outside of Sanso while it was being created.": "stack_deleted_outside",
    "There are no AWS credentials for this account. Give the worker credentials (environment, profile or instance role), or name a role to assume in the account's settings.": "no_credentials",
    "AWS denies %(action)s. Allow %(action)s to the role that Sanso acts as. AWS says: %(aws)s": "aws_denied",
    "AWS does not accept the credentials (%(code)s at %(action)s). Renew them, or check the role and its external id. AWS says: %(aws)s": "aws_credentials_invalid",
    "%(where)s (%(type)s): %(reason)s": "resource_failed",
    "%(reason)s": "aws_reason",
    "State Manager was not asked about %(name)s yet.": "association_not_polled",
}
RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "State Manager was not asked about %(name)s yet.": {"name": "where"}
}
"""Values whose name in the sentence differs from that in the message."""
AS_IT_IS: Final = "aws_reason"
"""The code of a text without values of its own."""


def with_codes(value: Any) -> Any:
    """Return a JSON value with each sentence in it as a code and its values; {} for an empty one."""
    if isinstance(value, list):
        return [with_codes(one) for one in value]
    if not isinstance(value, dict):
        return value
    if not _is_sentence(value):
        return {name: with_codes(one) for name, one in value.items()}
    sentence, values = value["template"], {name: str(one) for name, one in value["values"].items()}
    if not sentence:
        return {}
    request = {"request_id": value["request_id"]} if value.get("request_id") else {}
    if code := CODES.get(sentence):
        renamed = RENAMED.get(sentence, {})
        return {
            "code": code,
            "params": {renamed.get(name, name): one for name, one in values.items()},
        } | request
    return {"code": AS_IT_IS, "params": {"reason": _filled(sentence, values)}} | request


def _is_sentence(value: dict[str, Any]) -> bool:
    known = {"template", "values"} <= value.keys() <= {"template", "values", "request_id"}
    return known and isinstance(value["template"], str) and isinstance(value["values"], dict)


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    try:
        return sentence % values if values else sentence
    except (KeyError, TypeError, ValueError):
        return sentence
