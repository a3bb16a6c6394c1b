"""The names of MiniStack that the sandbox patches, calls or reads, with the parameters it expects of each.

MiniStack promises none of them; the engine compares this table with what is installed before anything starts.
A test compares it with the code.
"""

from typing import Final

VERSION: Final = "1.5.33"

# By module; None for what is not a function.
USED: Final[dict[str, dict[str, str | None]]] = {
    "ministack.app": {
        "_extract_s3_vhost_bucket": "host",
        "_reset_all_state": "",
        "app": "scope, receive, send",
    },
    "ministack.core.concurrency": {
        "run_reentrant": "fn, args, thread_name",
    },
    "ministack.core.iam_actions": {
        "access_denied_response": (
            "service, action, principal_arn, request_id, error_code, message, headers, resource_arn, "
            "explicit_deny, resource_policy_arn"
        ),
    },
    "ministack.core.iam_evaluator": {
        "AmbiguousAccessKeyError": None,
        "CredentialResolutionError": "code, message",
        "find_iam_access_key_account": "access_key_id",
        "is_root_access_key": "access_key_id",
        "resolve_credential": "access_key_id, account_id, session_token",
        "resolve_caller_identity": "access_key_id",
    },
    "ministack.core.lambda_runtime": {
        "_account_region_from_function_config": "config",
        "execution_credentials": "config",
        "reset": "",
    },
    "ministack.core.responses": {
        "AccountRegionScopedDict": None,
        "AccountScopedDict": None,
        "fix_error_content_type": "service, status, headers",
        "get_account_id": "",
        "get_region": "",
        "new_uuid": "",
        "now_iso": "",
        "request_scope": "account_id, region",
        "set_request_account_id": "access_key_id",
    },
    "ministack.core.router": {
        "detect_service": "method, path, headers, query_params",
        "extract_access_key_id": "headers, query_params",
        "extract_region": "headers, query_params",
    },
    "ministack.core.sigv4": {
        "HeaderSignature": (
            "access_key_id, date_stamp, region, service, signed_headers, signature, amz_date, region_set"
        ),
        "SIGNATURE_MISMATCH": None,
        "UNSIGNED_PAYLOAD": None,
        "decode_header_value": "value",
        "header_signature_failure": (
            "signature, secret, method, raw_path, query_params, headers, body, presigned, explain"
        ),
        "parse_header_signature": "headers",
        "parse_query_signature": "query_params",
        "presigned_request_is_expired": "amz_date, expires, now",
        "request_time_failure": "signature, now",
    },
    "ministack.services.cloudformation": {
        "_change_sets": None,
        "_exports": None,
        "_stacks": None,
    },
    "ministack.services.cloudformation.changesets": {
        "_create_change_set": "params",
        "_execute_change_set": "params",
        "_existing_resources": "changes, template",
        "_import_change": "entry",
        "_import_owner": "resources_to_import",
        "_resolve_parameters": "template, provided_params, previous_params",
        "_resolve_props_for_diff": "template, params, stack_name, stack_id",
        "_unretained_import_reason": "entries, template",
    },
    "ministack.services.cloudformation.custom_resource": {
        "_response_url": "token",
    },
    "ministack.services.cloudformation.engine": {
        "_NO_VALUE": None,
        "_apply_transforms": "template, provided_params, previous_params",
        "_evaluate_conditions": "template, params",
        "_extract_deps": "resource_def, all_resource_names",
        "_has_dynamic_references": "template",
        "_intrinsic_references": "value",
        "_parse_template": "template_body",
        "_resolve_dynamic_references": "value, previous, reuse_ssm, reuse_secrets",
        "_resolve_parameters": "template, provided_params, previous_params",
        "_resolve_refs": "value, resources, params, conditions, mappings, stack_name, stack_id",
        "_topological_sort": "resources, conditions",
        "validate_template_support": "template, conditions, params",
    },
    "ministack.services.cloudformation.handlers": {
        "_ACTION_HANDLERS": None,
        "_capabilities_enforced": "",
        "_check_capabilities": "sent, template, params, macros",
        "_imported_export_names": "stack, stack_name",
        "_insufficient_capabilities_message": "missing",
        "_missing_capabilities": "given, required",
        "_required_iam_capabilities": "template",
        "_resolve_stack": "stack_name",
        "_resource_metadata_xml": "stack, logical_id",
        "_uses_macro": "template",
    },
    "ministack.services.cloudformation.helpers": {
        "DELETION_MODE_VALUES": None,
        "ON_FAILURE_VALUES": None,
        "_error": "code, message, status",
        "_extract_members": "params, prefix",
        "_extract_stack_status_filters": "params",
        "_extract_string_members": "params, prefix",
        "_p": "params, key, default",
        "_page": "items, params, action, page_size",
        "_request_problems": "params, stack_name",
        "_resolve_document": "params, body_key, url_key, label",
        "_resolve_template": "params",
        "_validate_stack_tags": "tags",
        "_xml": "status, root_tag, inner",
        "enum_problems": "params, key, wire_name, values",
        "validation_error_message": "problems",
    },
    "ministack.services.cloudformation.provisioners": {
        "_DEFERRED_PREDECESSOR_DELETES": None,
        "_NAME_SEED": None,
        "_RESOURCE_HANDLERS": None,
        "_RETAINING_POLICIES": None,
        "_RETAIN_REPLACED": None,
        "_custom_named_replacement_error": "resource_type, old_props, new_props, physical_id",
        "_delete_resource": "resource_type, physical_id, props, stack_name, logical_id",
        "_provision_resource": "resource_type, logical_id, props, stack_name",
        "_replacing_change": "resource_type, old_props, new_props",
        "_snapshot_resource": "resource_type, physical_id, props",
        "_tag_map": "tags",
        "_update_resource": (
            "resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs"
        ),
        "_with_stack_tags": "resource_type, props, stack_tags, stack_name, stack_id, logical_id",
    },
    "ministack.services.cloudformation.stacks": {
        "CLIENT_REQUEST_TOKEN": None,
        "_add_event": (
            "stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status"
        ),
        "_adopt_resource": "stack_id, stack_name, logical_id, resource_type, identifier",
        "_diff_resources": "old_template, new_template, resources, template, changed_params, retag",
        "_fail_property_validation": (
            "stack, stack_id, stack_name, resources_defs, ordered, param_values, conditions, mappings, "
            "disable_rollback, previous_stack"
        ),
        "_resolve_stack_outputs": (
            "outputs_defs, conditions, resources, param_values, mappings, stack_name, stack_id"
        ),
        "_resource_policy": (
            "res_def, attribute, resources, params, conditions, mappings, stack_name, stack_id"
        ),
        "_runs_on_worker_thread": "resource_type",
    },
    "ministack.services.cloudformation.wait_conditions": {
        "handle_url": "token",
    },
    "ministack.services.iam": {
        "_gen_session_access_key": "",
        "_lookup_instance_profile": "name, arn",
        "_roles": None,
    },
    "ministack.services.s3": {
        "_buckets": None,
        "_get_object_data": "bucket_name, key, version_id",
    },
    "ministack.services.sns": {
        "SnsPublishError": None,
        "publish_internal": (
            "topic_arn, message, subject, message_structure, message_attributes, message_group_id, "
            "message_deduplication_id"
        ),
    },
    "ministack.services.sts": {
        "_role_id": "role_arn",
        "_sessions": None,
        "register_session": "access_key, session",
    },
}
