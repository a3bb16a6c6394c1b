"""Fail if vulture finds unused code: used by no other code, no template, and no framework by name.

Code that only tests use counts as unused. https://github.com/jendrikseipp/vulture
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

CODE = ("datelog", "deployments", "portal", "infra_templates", "manage.py")
TEMPLATES = ("datelog/templates", "deployments", "portal/templates")
SETTINGS = ("datelog/settings.py", "portal/settings.py")
ROWS = re.compile(
    r"datelog/models\.py|deployments/\w+/models[./]|deployments/\w+/(api|display)/.*(schemas|bodies)"
)
SANDBOX = "portal/sandbox/sanso_sandbox/"
DECORATORS = (
    "@admin.*",
    "@register.*",
    "@*.connect*",
    "@router.*",
    "@api.*",
    "@requests",
    "@model_validator",
)
COMMANDS = ("@app.command", "@sets.command")

DJANGO = """
    Meta *Config field_choices field_order widgets filter_horizontal clean_* handler4* handler5* urlpatterns
    requires_system_checks add_arguments allow_relation allow_migrate init_connection_state is_usable
    success_url redirect_authenticated_user template_name default_site has_permission
    date_hierarchy fieldsets has_*_permission index_title list_* lookups model_admin obj ordering
    delete_model delete_queryset parameter_name readonly_fields save_model search_* show_full_result_count
    site_header site_title verbose_name apply_select_related get_changelist has_output
    process_exception process_view
    openapi_description authenticate param_name
"""
BY_NAME = """
    no_store note_use RepeatAfterDeadlock time_zone bad_request forbidden WriterAndReader OneLine
    VersionHeader measure
    RedactArguments formatter RequestIds process_got_request_exception sender SansoAdminSite
    OF_TYPER page_bundles request_context_middleware
"""  # settings and URLs name them as text
ALLAUTH = """
    AccountAdapter MFAAdapter is_open_for_signup respond_user_inactive is_safe_url add_message
    send_notification_mail get_public_key_credential_*_entity get_totp_label
    SocialAccountAdapter pre_social_login on_authentication_error save_user get_callback_url complete_login
    oauth2_adapter_class pkce_enabled_default get_oauth2_adapter extract_*
"""
CALLED_BACK = """
    data_received pause_writing resume_writing get_code fullname get_plugins _client_connected_cb _spawn
    handler_name client_context SUCCESS address_family trace IDENTIFIERS
    readinto raise_for_status _new_conn ConnectionCls ack nak run_command can_read readlines
    do_GET log_message daemon_threads block_on_close format_usage format_commands
"""  # by asyncio, importlib, mysql_mimic, sqlglot, dulwich, urllib3, http.server, typer, the engine; by
# functions in the sandbox
IN_FORMS = "ssh_key"
RESULTS = """
    replacement execution_status load_balancer_arns parameter_status throttles rejected write_status
    read_status write_milliseconds read_milliseconds writer_endpoint
"""  # fields of responses of AWS and the sandbox, of which some are not used
BY_VALUE = "REF GET_ATT SUB"
TO_COME = """
    notify_changed of_stacks causing_entity cancel_update delete_failed_stack template_body
    replaces root_only root_only_reason computed
    can_create unique_key
    REQUIRE_APPROVAL MANAGE_ACCESS VIEW_AUDIT
"""  # previews of changes;
# hints that a stack has changed: what receives EventBridge's; what a failed creation leaves
TESTED = "example"  # each cause has a text that it must recognize


def main() -> int:
    """Print the unused code, and return the exit code."""
    names = " ".join(
        (DJANGO, BY_NAME, ALLAUTH, CALLED_BACK, RESULTS, BY_VALUE, IN_FORMS, TO_COME, TESTED)
    ).split()
    vulture = Vulture(ignore_names=names, ignore_decorators=[*DECORATORS, *COMMANDS])
    vulture.scavenge(CODE, exclude=["*/migrations/*", "*/sandbox_tests/*"])
    for folder in TEMPLATES:
        for template in Path(folder).rglob("*.html"):
            vulture.used_names.update(re.findall(r"[A-Za-z_]\w+", template.read_text()))
    unused = [item for item in vulture.get_unused_code(min_confidence=60) if not is_used_elsewhere(item)]
    for item in unused:
        sys.stdout.write(f"{item.filename}:{item.first_lineno} unused {item.typ} {item.name}\n")
    return 1 if unused else 0


def is_used_elsewhere(item: Item) -> bool:
    """Return whether it is a setting, a column, a field, or an attribute of another library's object."""
    path = Path(item.filename).resolve().relative_to(Path.cwd()).as_posix()
    if path in SETTINGS or item.typ == "attribute":
        return True
    return item.typ == "variable" and ROWS.match(path) is not None


if __name__ == "__main__":
    sys.exit(main())
