"""Celery tasks: each takes a row's id and version, and makes one short step without a result.

Unknown keyword arguments are accepted, so that an older worker works with a newer dispatcher. The names of
the tasks are part of the messages: those of the version before are kept.
"""

from __future__ import annotations

from celery import shared_task

from deployments.accounts.steps import account_roles, connection_test
from deployments.administration.shared import sessions
from deployments.first_contact.steps import by_worker
from deployments.notifications.steps import delivery
from deployments.restore_drills.steps import run
from deployments.steps import step
from deployments.template_sets.shared import versions
from deployments.template_sets.steps import fetch


@shared_task(name="deployments.tick_deployment", acks_late=True, ignore_result=True)
def step_deployment(pk: int, version: int, **_newer: object) -> None:
    """Take one step of a deployment."""
    step.run_deployment(pk, version)


@shared_task(name="deployments.tick_environment", acks_late=True, ignore_result=True)
def step_environment(pk: int, version: int, **_newer: object) -> None:
    """Observe the stack of an environment between deployments."""
    step.run_environment(pk, version)


@shared_task(name="deployments.tick_observer", acks_late=True, ignore_result=True)
def step_observer(pk: int, version: int, **_newer: object) -> None:
    """Poll one source of an account."""
    step.run_observer(pk, version)


@shared_task(name="deployments.tick_operation", acks_late=True, ignore_result=True)
def step_action_request(pk: int, version: int, **_newer: object) -> None:
    """Take one step of an action request."""
    step.run_action_request(pk, version)


@shared_task(name="deployments.fetch_template_set", acks_late=True, ignore_result=True)
def fetch_template_set(pk: int, version: int, **_newer: object) -> None:
    """Look at the source of a template set for new versions, which may take a minute."""
    fetch.run_fetch(pk, version)


@shared_task(name="deployments.lint_bundled_set", acks_late=True, ignore_result=True)
def lint_bundled_set(**_newer: object) -> None:
    """Run cfn-lint on the files of the bundled template set, which takes seconds of CPU time."""
    versions.lint_bundled()


@shared_task(name="deployments.read_account_roles", acks_late=True, ignore_result=True)
def read_account_roles(**_newer: object) -> None:
    """Read the revision of the roles of accounts on AWS, a few of those that are due."""
    account_roles.read_due()


@shared_task(name="deployments.test_connection", acks_late=True, ignore_result=True)
def test_connection(pk: int, version: int, **_newer: object) -> None:
    """Take one step of the test of an account's connection."""
    connection_test.run_test(pk, version)


@shared_task(name="deployments.step_restore_drill", acks_late=True, ignore_result=True)
def step_restore_drill(pk: int, version: int, **_newer: object) -> None:
    """Take one step of a restore drill."""
    run.run_drill(pk, version)


@shared_task(name="deployments.step_first_contact", acks_late=True, ignore_result=True)
def step_first_contact(pk: int, version: int, **_newer: object) -> None:
    """Take one step of a first contact, which takes minutes."""
    by_worker.run_contact(pk, version)


@shared_task(name="deployments.check_session", acks_late=True, ignore_result=True)
def check_session(pk: int, version: int, **_newer: object) -> None:
    """Ask the identity provider about the account of a session."""
    sessions.run_check(pk, version)


@shared_task(name="deployments.send_notification", acks_late=True, ignore_result=True)
def send_notification(pk: int, version: int, **_newer: object) -> None:
    """Make one attempt to send a notification, which takes up to 20 seconds."""
    delivery.run_delivery(pk, version)


@shared_task(name="deployments.tidy", acks_late=True, ignore_result=True)
def tidy(**_newer: object) -> None:
    """Thin and delete old rows of the health history, the outbox and the AWS call logs, one batch."""
    step.tidy()
