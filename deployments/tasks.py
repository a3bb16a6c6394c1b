"""Celery's doorways: a row's id and version in, one short step, no result.

Unknown keyword arguments are accepted, so that an older worker lives through a newer dispatcher.
"""

from __future__ import annotations

from celery import shared_task

from deployments.runner import step


@shared_task(name="deployments.tick_deployment", acks_late=True, ignore_result=True)
def tick_deployment(pk: int, version: int, **_newer: object) -> None:
    """Take one step of a deployment."""
    step.run_deployment(pk, version)


@shared_task(name="deployments.tick_environment", acks_late=True, ignore_result=True)
def tick_environment(pk: int, version: int, **_newer: object) -> None:
    """Look at an environment that nothing is being done to."""
    step.run_environment(pk, version)


@shared_task(name="deployments.tick_observer", acks_late=True, ignore_result=True)
def tick_observer(pk: int, version: int, **_newer: object) -> None:
    """Ask one source of facts about an account's environments."""
    step.run_observer(pk, version)


@shared_task(name="deployments.tick_operation", acks_late=True, ignore_result=True)
def tick_operation(pk: int, version: int, **_newer: object) -> None:
    """Carry out what a person asked for on an environment's page."""
    step.run_action_request(pk, version)


@shared_task(name="deployments.tidy", acks_late=True, ignore_result=True)
def tidy(**_newer: object) -> None:
    """Thin and forget the history of health, one batch."""
    step.tidy()
