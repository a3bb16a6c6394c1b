"""A whole environment by Sanso's own deployments: created, changed, released to, and deleted.

A process that continues this step repeats it: what has been requested and noted is not requested again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.utils import timezone, translation

from deployments.changes.commands.create import request_deployment
from deployments.cloudformation.observed_resources import GROUP, LOAD_BALANCER
from deployments.common.message_codes import Code
from deployments.common.texts import stored_text
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from deployments.first_contact.models import ContactRun
from deployments.first_contact.rules.answers import Match
from deployments.first_contact.steps import change_set, pipeline
from deployments.first_contact.steps.contact import Contact, StepStopped
from deployments.first_contact.steps.environment_deletion import delete_environment
from deployments.health.commands.operate import request_site_check
from deployments.stacks.models.stacks import Resource
from deployments.template_sets import template_files
from deployments.template_sets.models import stored_sets
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateVersion
from deployments.template_sets.shared import versions

if TYPE_CHECKING:
    from django.contrib.auth.models import User

CHANGE: Final = {"LogRetentionDays": "14"}
"""A change that CloudFormation makes in place, in another value than the preset's."""
REPLACEMENT: Final = {"AppInstanceType": "t4g.small"}
"""A change for which CloudFormation replaces the app servers."""


def take(contact: Contact) -> None:
    """Take an environment of the preset through its life, and note what each part did."""
    user = pipeline.user_of(contact.run)
    if user is None:
        contact.note("the user", f"there is no active user {contact.run.requested_by!r}", Match.DIFFERENT)
        raise StepStopped
    pipeline.refuse_without_workers(contact)
    creation = _created(contact, user)
    _site_check(contact, user, creation.environment, "creation")
    _changed(contact, user, creation, "change", CHANGE)
    _released(contact, user, creation)
    _replaced(contact, user, creation)
    _site_check(contact, user, creation.environment, "replacement")
    delete_environment(contact, user, pipeline.key_of(contact.run, "deletion"))


def _created(contact: Contact, user: User) -> Deployment:
    run = contact.run
    chosen = contact.need("the bundled template set", lambda _aws: stored_sets.current())
    presets = {one.name: one.values for one in chosen.presets}
    creation = pipeline.requested(
        contact,
        "creation",
        lambda: request_deployment(
            user=user,
            account=run.account,
            name=f"contact-{run.tag}",
            parameters=dict(presets.get(change_set.PRESET, {})),
            reason=pipeline.REASON,
            request_key=pipeline.key_of(run, "creation"),
            contact_tag=run.tag,
        ),
    )
    ended = pipeline.waited(contact, "creation", creation)
    pipeline.report(contact, "creation", ended)
    for name, value in sorted(ended.environment.outputs.items()):
        pipeline.note_once(contact, f"output {name}", str(value))
    return ended


def _site_check(contact: Contact, user: User, environment: Environment, after: str) -> None:
    """Write and read through the site; a sandbox without servers has none."""
    question = f"site check after the {after}"
    if pipeline.is_noted(contact, question):
        return
    if not _ids(environment, LOAD_BALANCER):
        contact.note(question, "not made: the environment has no load balancer")
        return
    action = pipeline.requested(
        contact, question, lambda: request_site_check(user=user, environment=environment)
    )
    sentence = pipeline.ended(contact, action).result.get("sentence")
    outcome = Match.EXPECTED if action.state == "done" else Match.DIFFERENT
    if (sentence or {}).get("code") == Code.SITE_SANDBOX_WITHOUT_SERVERS:
        outcome = Match.NOTE
    with translation.override("en"):
        contact.note(question, stored_text(sentence), outcome)


def _changed(contact: Contact, user: User, creation: Deployment, what: str, values: dict[str, str]) -> None:
    """Change values that the set has."""
    if missing := sorted(values.keys() - creation.parameters.keys()):
        pipeline.note_once(contact, what, f"not made: the set has no parameter {', '.join(missing)}")
        return
    if not pipeline.is_noted(contact, what):
        pipeline.changed(contact, user, creation, what, values)


def _released(contact: Contact, user: User, creation: Deployment) -> None:
    """Release a version to the servers that differs in one comment of the application."""
    if pipeline.is_noted(contact, "release"):
        return
    version = _version(contact.run, creation)
    if version is None:
        contact.note("release", "not made: the set has no releases to running servers")
        return
    values = {name: value for name, value in CHANGE.items() if name in creation.parameters}
    pipeline.changed(contact, user, creation, "release", values, version)


def _version(run: ContactRun, creation: Deployment) -> TemplateVersion | None:
    """Return the version to release, of a set that nobody can choose; None for a set without releases."""
    name = f"first-contact-{run.tag}"
    deployed = stored_sets.of_deployment(creation)
    path = template_files.code_file(deployed)
    if path is None:
        return None
    comment = f"\n# First contact {run.tag}\n".encode()
    released = template_files.with_files(deployed, {path: path.read_bytes() + comment})
    source, _is_new = TemplateSource.objects.get_or_create(
        name=name, defaults={"kind": "archive", "removed_at": timezone.now()}
    )
    return versions.add(source, released)


def _replaced(contact: Contact, user: User, creation: Deployment) -> None:
    """Let CloudFormation replace the app server, and note which servers there were before and after."""
    if not REPLACEMENT.keys() <= creation.parameters.keys():
        pipeline.note_once(contact, "replacement", "not made: the set has no servers of this kind")
        return
    before = _servers(contact, creation.environment, "before the replacement")
    kept = {name: value for name, value in CHANGE.items() if name in creation.parameters}
    _changed(contact, user, creation, "replacement", {**kept, **REPLACEMENT})
    after = _servers(contact, creation.environment, "after the replacement")
    gone, new = sorted(before - after), sorted(after - before)
    outcome = Match.EXPECTED if gone and new else Match.DIFFERENT
    text = f"{', '.join(gone) or 'none'} replaced by {', '.join(new) or 'none'}"
    pipeline.note_once(contact, "replaced servers", text, outcome)


def _servers(contact: Contact, environment: Environment, when: str) -> set[str]:
    """Return the servers in service, as they were first noted."""
    question = f"servers {when}"
    noted = [answer["text"] for answer in contact.step.answers if answer["question"] == question]
    if noted:
        return set(noted[0].split(", "))
    names = _ids(environment, GROUP)
    groups, error = contact.quietly(lambda aws: aws.autoscaling.groups(names))
    if error is not None:
        contact.note(question, str(error), Match.DIFFERENT)
        raise StepStopped(question)
    found = {one.instance_id for group in groups or () for one in group.instances}
    contact.note(question, ", ".join(sorted(found)))
    return found


def _ids(environment: Environment, type_: str) -> list[str]:
    """Return the ids of the resources of a type in the stacks of an environment."""
    rows = Resource.objects.newest_of(environment)
    return [row.physical_id for row in rows if row.type == type_]
