"""Starts MiniStack with our extensions on it, after checking that every name of it that they lean on is there.

An extension is a module with `install() -> None`, which patches MiniStack's registries before the first
request. It may also have
    about() -> dict[str, object]      fields for GET /_sanso/about
    reset(account: str | None)        forget everything of an account, or of all
    stop() -> None                    end what it started: processes, threads, files
Resource handlers stay MiniStack's: create(logical_id, properties, stack_name) -> (physical id, attributes) and
so on, in provisioners._RESOURCE_HANDLERS. The scheduler runs a handler that is not MiniStack's own in a thread of
its own, so it may block; what takes long should rather be the entry's "stabilize", a coroutine function
(physical_id, properties, stack_name) -> attributes or None that is awaited after "Resource creation Initiated"
(and after an update), may be cancelled at any await, and raises ValueError with the reason of a failure.
"""

import asyncio
import importlib
import importlib.metadata
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any, Final

VERSION: Final = "1.5.33"

EXTENSIONS: Final = (
    "portal.sandbox.cloudformation",
    "portal.sandbox.resources",
    "portal.sandbox.state_manager",
    "portal.sandbox.database",
    "portal.sandbox.functions",
    "portal.sandbox.health",
    "portal.sandbox.machines",
)

Application = Callable[[Any, Any, Any], Awaitable[None]]

logger = logging.getLogger(__name__)


class EngineMismatch(Exception):
    """The MiniStack that is installed is not the one the extensions were written for."""


def install() -> list[ModuleType]:
    """Check MiniStack and put every extension on it; returns the extensions, in the order they were installed.

    Raises EngineMismatch when the installed MiniStack is another one, with everything that differs.
    """
    check()
    installed = []
    for name in EXTENSIONS:
        try:
            module = importlib.import_module(name)
            module.install()
        except (ImportError, AttributeError) as missing:
            if name.endswith(".cloudformation"):
                raise
            logger.warning("The extension %s is not ready yet: %s", name, missing)
            continue
        installed.append(module)
    return installed


def check() -> None:
    """Compare MiniStack with what we patch and use. Raises EngineMismatch, naming every difference."""
    found = importlib.metadata.version("ministack")
    if found != VERSION:
        raise EngineMismatch(
            f"The sandbox extends MiniStack {VERSION} and {found} is installed: install ministack=={VERSION}."
        )
    differences = list(_differences())
    if differences:
        raise EngineMismatch(
            f"MiniStack {VERSION} is not as the sandbox expects it: {'; '.join(differences)}."
        )


def _differences() -> Iterator[str]:
    for module_name, names in USED.items():
        module = importlib.import_module(module_name)
        for name, parameters in names.items():
            target = getattr(module, name, None)
            if target is None:
                yield f"{module_name}.{name} is missing"
            elif parameters is not None and _parameters(target) != parameters:
                yield f"{module_name}.{name} takes ({_parameters(target)}) and not ({parameters})"


def _parameters(target: Any) -> str:
    return ", ".join(inspect.signature(target).parameters)


# The names of MiniStack that the engine half patches (their signatures are ours too) or calls, with their
# parameters; None for data. The resource modules check the names they use on their own at install.
USED: Final[dict[str, dict[str, str | None]]] = {
    "ministack.app": {
        "app": "scope, receive, send",
        "_reset_all_state": "",
        "_extract_s3_vhost_bucket": "host",
    },
    "ministack.core.concurrency": {"run_reentrant": "fn, args, thread_name"},
    "ministack.core.responses": {
        "AccountScopedDict": "",
        "AccountRegionScopedDict": "",
        "get_account_id": "",
        "get_region": "",
        "now_iso": "",
        "request_scope": "account_id, region",
    },
    "ministack.core.router": {
        "extract_access_key_id": "headers, query_params",
        "extract_region": "headers, query_params",
    },
    "ministack.services.cloudformation": {
        "_stacks": None,
        "_stack_events": None,
        "_exports": None,
        "_change_sets": None,
        "_TOKEN_ACTIONS": None,
    },
    "ministack.services.cloudformation.engine": {
        "_NO_VALUE": None,
        "_apply_transforms": "template, provided_params, previous_params",
        "_evaluate_conditions": "template, params",
        "_extract_deps": "resource_def, all_resource_names",
        "_parse_template": "template_body",
        "_resolve_dynamic_references": "value, previous, reuse_ssm, reuse_secrets",
        "_resolve_parameters": "template, provided_params, previous_params",
        "_resolve_refs": "value, resources, params, conditions, mappings, stack_name, stack_id",
        "_topological_sort": "resources, conditions",
        "validate_template_support": "template, conditions, params",
    },
    "ministack.services.cloudformation.provisioners": {
        "_DEFERRED_PREDECESSOR_DELETES": None,
        "_NAME_SEED": None,
        "_RESOURCE_HANDLERS": None,
        "_RETAIN_REPLACED": None,
        "_RETAINING_POLICIES": None,
        "_check_nested_stack_capabilities": "parent_stack_name, template",
        "_custom_named_replacement_error": "resource_type, old_props, new_props, physical_id",
        "_delete_resource": "resource_type, physical_id, props, stack_name, logical_id",
        "_provision_resource": "resource_type, logical_id, props, stack_name",
        "_replacing_change": "resource_type, old_props, new_props",
        "_snapshot_resource": "resource_type, physical_id, props",
        "_tag_map": "tags",
        "_update_resource": "resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs",
        "_with_stack_tags": "resource_type, props, stack_tags, stack_name, stack_id, logical_id",
    },
    "ministack.services.cloudformation.stacks": {
        "CLIENT_REQUEST_TOKEN": None,
        "_add_event": (
            "stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status"
        ),
        "_continue_update_rollback_async": "stack_name, stack_id, resources_to_skip",
        "_create_stack_task_in_region": "coro, stack, stack_id",
        "_delete_stack_async": "stack_name, stack_id, retain_resources, force",
        "_deploy_stack_async": (
            "stack_name, stack_id, template, param_values, disable_rollback, tags, is_update, previous_stack, "
            "retain_except_on_create, imports"
        ),
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
        "_roll_back_operation": "stack_name, stack_id, stack, operation, reason_override",
        "_runs_on_worker_thread": "resource_type",
    },
    "ministack.services.cloudformation.handlers": {
        "_ACTION_HANDLERS": None,
        "_capabilities_enforced": "",
        "_resolve_stack": "stack_name",
        "_stack_has_no_updates": "stack, template, param_values, tags, use_previous_template, tags_given",
    },
    "ministack.services.cloudformation.helpers": {
        "_error": "code, message, status",
        "_p": "params, key, default",
        "_page": "items, params, action, page_size",
        "_resolve_document": "params, body_key, url_key, label",
        "_resolve_template": "params",
        "_xml": "status, root_tag, inner",
    },
    "ministack.services.s3": {"_get_object_data": "bucket_name, key, version_id"},
    "ministack.services.sns": {
        "publish_internal": (
            "topic_arn, message, subject, message_structure, message_attributes, message_group_id, "
            "message_deduplication_id"
        )
    },
}


async def serve(application: Application, host: str, port: int, stop: asyncio.Event) -> None:
    """Answer requests until stop is set; requests that still wait then are cut off after half a second."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"{host}:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.accesslog = None
    config.errorlog = None
    await hypercorn_serve(application, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]
