"""A change set only: the bundled set with nested change sets and the service role. Nothing is deployed."""

from __future__ import annotations

from contextlib import suppress

from django.conf import settings

from deployments.aws.cloudformation import ChangeSet, ChangeSetRequest
from deployments.aws.session import Clients
from deployments.common.errors import AwsAlreadyDone, AwsFailure
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.steps import artifacts, stacks
from deployments.first_contact.steps.contact import Contact, StepStopped
from deployments.stacks.shared import change_sets
from deployments.stacks.shared.change_sets import filled_for, without_capabilities
from deployments.template_sets import template_files
from deployments.template_sets.commands.parameters import checked
from deployments.template_sets.models import stored_sets

NAME = "sanso-contact"
"""The name of the change sets: roles of account.yaml may use those that begin with sanso-."""
PRESET = "trial"
_POLLS = 180


def take(contact: Contact) -> None:
    """Upload the set, create its change set, read everything that it says, and delete it."""
    template_set = contact.need("the bundled template set", lambda _aws: stored_sets.current())
    if not template_set.own_prefix:
        contact.note("the bundled template set", "has no parameter for its prefix; not uploaded")
        raise StepStopped
    request = _request(contact, template_set)
    for key, body in template_files.build_objects(template_set):
        artifacts.upload(contact, key, body)
    root = create(contact, request)
    _read(contact, root)
    contact.order(
        "cloudformation.delete_change_set",
        lambda aws: aws.cloudformation.delete_change_set(root.change_set_id),
    )
    stacks.delete(contact, request.stack_name)


def _request(contact: Contact, template_set: template_files.TemplateSet) -> ChangeSetRequest:
    presets = {one.name: one.values for one in template_set.presets}
    chosen = presets.get(PRESET, {})
    contact.note("values", f"preset {PRESET}" if chosen else "the defaults of the set")
    plain, secret = contact.need(
        "values of the parameters", lambda _aws: checked(template_set, chosen, contact.account.region)
    )
    contact.hide(secret.values())
    bucket, prefix = artifacts.bucket_of(contact), artifacts.prefix_of(contact)
    names = template_set.image_names(plain)
    images: dict[str, str] = {}
    if names:
        values = contact.need(
            "ssm.parameters, machine images", lambda aws: aws.ssm.parameters(sorted(set(names.values())))
        )
        images = {parameter: values[name] for parameter, name in names.items() if name in values}
    return ChangeSetRequest(
        stack_name=stacks.name_of(contact.run, stacks.CHANGES),
        change_set_name=NAME,
        token=f"{contact.run.tag}-{stacks.CHANGES}",
        template_url=artifacts.address(contact, template_set.root.name),
        parameters=plain | secret | filled_for(contact.account, template_set, bucket, prefix) | images,
        tags=stacks.tags_of(contact.run),
        capabilities=tuple(settings.SANSO_CAPABILITIES),
        role_arn=contact.account.stack_role_arn,
    )


def create(contact: Contact, request: ChangeSetRequest) -> ChangeSet:
    """Create a change set, and return it once CloudFormation has computed it. Raise StepStopped."""

    def created(aws: Clients) -> str:
        try:
            with suppress(AwsAlreadyDone):  # by a call whose answer was lost
                return aws.cloudformation.create_change_set(request)
        except AwsFailure as exc:
            raise without_capabilities(exc) from exc
        return aws.cloudformation.describe_change_set(NAME, request.stack_name).change_set_id

    kind = "nested" if request.is_nested else "of one stack"
    id_ = contact.need(f"cloudformation.create_change_set, {kind}", created)
    found: ChangeSet | None = None
    for _ in range(_POLLS):
        found, error = contact.quietly(lambda aws: aws.cloudformation.describe_change_set(id_))
        if error is not None or (found is not None and not found.is_pending):
            break
        contact.pause()
    if found is None or found.is_pending:
        contact.note("the change set", "has not ended", Match.NO_ANSWER)
        raise StepStopped
    outcome = Match.EXPECTED if found.is_created else Match.DIFFERENT
    contact.note("the change set", f"{found.status} {found.reason}".strip(), outcome)
    return found


def _read(contact: Contact, root: ChangeSet) -> None:
    """Note the tree of change sets, and what CloudFormation's validation found in each."""
    tree = contact.check(
        "cloudformation.describe_change_set, the root's and each nested one's",
        lambda aws: change_sets.read(root, aws.cloudformation, may_be_gone=not root.is_created),
    )
    for path, one in (tree or {"": root}).items():
        title = f"change set of {path or 'the root'}"
        contact.note(title, f"{one.status}, {len(one.changes)} resources {one.reason}".strip())
        _validation(contact, path or "the root", one.change_set_id)


def _validation(contact: Contact, path: str, change_set_id: str) -> None:
    """Note what CloudFormation's validation found in one change set."""
    findings, error = contact.quietly(lambda aws: aws.cloudformation.validation_findings(change_set_id))
    if error is not None:
        contact.note(f"validation events of {path}", str(error), Match.DIFFERENT)
        return
    contact.note(f"validation events of {path}", f"{len(findings or ())} findings")
    for found in findings or ():
        kind = "warning" if found.is_warning else "error"
        text = f"{kind} {found.check} {found.property_path}: {found.reason}"
        outcome = Match.NOTE if found.is_warning else Match.DIFFERENT
        contact.note(f"validation of {path}, {found.logical_id}", text, outcome)
