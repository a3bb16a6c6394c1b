"""The notification about a newer version in the channel of an environment."""

from __future__ import annotations

from datetime import datetime

from deployments.environments.models.environments import Environment
from deployments.notifications.rules.topics import Topic
from deployments.notifications.shared import outbox
from deployments.template_sets.models.channel_updates import updates_by_environment
from deployments.template_sets.models.sources import TemplateSource
from deployments.template_sets.models.versions import TemplateVersion


def updates_offered(source: TemplateSource, now: datetime) -> None:
    """Notify about environments whose channel offers a newer version of a set, once for each version."""
    topic = Topic.UPDATE_AVAILABLE
    environments = list(Environment.objects.that_follow_a_channel().of_source(source.pk))
    offered = updates_by_environment(environments)
    for environment in environments:
        found = offered[environment.pk]
        if not found.is_available or found.target is None:
            continue
        targets = outbox.destinations_of(topic, environment)
        if not targets:
            continue
        own, new = environment.template_version, TemplateVersion.objects.get(pk=found.target.pk)
        payload = {"set": source.name, "before": own.label if own else "", "version": new.label}
        key = f"{topic}:{environment.pk}:{new.pk}"
        outbox.write(targets, topic, key, payload, now, environment=environment)
