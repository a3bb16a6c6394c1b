"""The requested state of a stack: template, parameters, tags and capabilities, validated as on AWS."""

import copy
from dataclasses import dataclass
from typing import Any

from ministack.services.cloudformation import engine, handlers, helpers

from sanso_sandbox.engine.cloudformation import limits, nested, templates, values
from sanso_sandbox.engine.cloudformation.responses import Parameters, Refusal, passed, truth, value
from sanso_sandbox.engine.cloudformation.store import Stack, Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A request's template and settings, ready to be applied to a stack."""

    template: Template
    body: str
    parameters: dict[str, Any]
    tags: list[dict[str, Any]] | None  # None: unchanged
    capabilities: list[str]
    topics: list[str] | None  # NotificationARNs; None: unchanged

    def put_on(self, stack: Stack) -> None:
        """Set the requested state on the stack's record; the operation that follows carries it out."""
        values.remember_secrets(stack, self.parameters)
        stack.update(
            Description=self.template.get("Description", ""),
            Parameters=templates.listed(self.parameters),
            Capabilities=self.capabilities,
            _template=self.template,
            _template_body=self.body,
            _resolved_params=self.parameters,
            _conditions=engine._evaluate_conditions(self.template, self.parameters),
        )
        if self.tags is not None:
            stack["Tags"] = self.tags
        if self.topics is not None:
            stack["NotificationARNs"] = self.topics


def read(request: Parameters, stack: Stack | None, *, macros: bool = True) -> Plan:
    """Parse and validate the requested state.

    Args:
        stack: the current stack; None for one that will be created.
        macros: require that macros are acknowledged; not for change sets.

    Raises Refusal or Refused.
    """
    body, previous = _body(request, stack)
    given = helpers._extract_members(request, "Parameters")
    known = stack["_resolved_params"] if stack else {}
    try:
        sent = engine._parse_template(body)
        template = engine._apply_transforms(sent, given, known)
    except Exception as error:
        raise Refusal(f"Template format error: {error}") from error
    tags = helpers._extract_members(request, "Tags")
    passed(helpers._validate_stack_tags(tags))
    passed(handlers._check_capabilities(sent, template, request, macros=macros))
    try:
        limits.check_token(value(request, "ClientRequestToken"))
        parameters = templates.checked_parameters(template, given, known)
        if previous and stack and stack["_template"]:
            template = copy.deepcopy(stack["_template"])  # already processed: includes are not fetched again
        limits.check_template(template)
        templates.validate(template, parameters)
    except ValueError as wrong:
        raise Refusal(str(wrong)) from wrong
    if stack is not None:
        _check_types(stack["_template"], template)
    return Plan(
        template=template,
        body=body,
        parameters=parameters,
        tags=[{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]
        if tags or "Tags" in request
        else None,
        capabilities=helpers._extract_string_members(request, "Capabilities"),
        topics=topics(request),
    )


def topics(request: Parameters) -> list[str] | None:
    """Return NotificationARNs; None if the request does not contain the parameter."""
    found: list[str] = helpers._extract_string_members(request, "NotificationARNs")
    return found if found or "NotificationARNs" in request else None


def _body(request: Parameters, stack: Stack | None) -> tuple[str, bool]:
    """Return the template body, and whether it is the stack's current one."""
    body, refused = helpers._resolve_template(request)
    passed(refused)
    if body:
        return str(body), False
    if stack is not None and truth(request, "UsePreviousTemplate"):
        return str(stack["_template_body"]), True
    raise Refusal("Either Template URL or Template Body must be specified.")


def _check_types(old: Template, new: Template) -> None:
    """Reject another type for an existing logical id."""
    before = old.get("Resources") or {}
    changed = [
        name
        for name, definition in (new.get("Resources") or {}).items()
        if name in before and before[name].get("Type") != definition.get("Type")
    ]
    if changed:
        raise Refusal(
            "Update of resource type is not permitted. The new template modifies resource type of the "
            f"following resources: [{', '.join(changed)}]"
        )


def changes_nothing(plan: Plan, stack: Stack) -> bool:
    """Return whether an update to the plan would change nothing, including nested stacks.

    A template with dynamic references always counts as a change, since their values may have changed; so does
    any template for a stack whose last operation failed.
    """
    if stack["StackStatus"].endswith("FAILED"):
        return False
    previous = plan.body == stack["_template_body"]
    if engine._has_dynamic_references(plan.template) and not previous:
        return False
    return (
        plan.template == stack["_template"]
        and templates.values(plan.parameters) == templates.values(stack["_resolved_params"])
        and (plan.tags is None or _mapped(plan.tags) == _mapped(stack["Tags"]))
        and not nested.changed_below(stack, plan.template, plan.parameters)
    )


def _mapped(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def stack_name(request: Parameters) -> str:
    """Return the name of a stack that will be created. Raises Refused if it is invalid."""
    name = value(request, "StackName")
    if not name:
        raise Refusal(
            "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: "
            "Member must not be null"
        )
    passed(helpers._request_problems(request, name))
    return name
