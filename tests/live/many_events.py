"""A deployment with very many events, for tests and benchmarks of pages and queries."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from deployments.environments.models.deployments import Deployment
from deployments.stacks.models.events import Event
from deployments.stacks.models.stacks import Stack


def many_events(deployment: Deployment, count: int, *, repeats: bool = False) -> None:
    """Add stack events to a deployment with stacks, spread over the stacks.

    With `repeats`, every third event repeats the previous one.
    """
    deployment.refresh_from_db()
    stacks = list(Stack.objects.of(deployment))
    begin = timezone.now() - timedelta(hours=2)
    Event.objects.filter(deployment=deployment).update(at=begin)  # the added events are later
    rows = []
    for number in range(1, count + 1):
        stack = stacks[number % len(stacks)]
        seq = deployment.last_seq + number
        name = f"Thing{number % 400}"
        rows.append(
            Event(
                deployment=deployment,
                seq=seq,
                event_id=f"{name}-{seq}",
                key=Event.key_for(stack.path, f"{name}-{seq}"),
                source="cloudformation",
                at=begin + timedelta(seconds=number / 10),
                stack=stack,
                logical_id=name,
                physical_id=f"{name.lower()}-0123456789abcdef0",
                type=("AWS::EC2::Subnet", "AWS::IAM::Role", "AWS::RDS::DBInstance")[number % 3],
                status=("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")[number % 2],
                reason="Requested update requires the creation of a new physical resource"
                if number % 5 == 0
                else "",
                repeat_of=seq - 1 if repeats and number % 3 == 0 else 0,
            )
        )
    Event.objects.bulk_create(rows, batch_size=2000)
    deployment.last_seq += count
    Deployment.objects.filter(pk=deployment.pk).update(last_seq=deployment.last_seq)
