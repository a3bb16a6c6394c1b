"""A write and a read of a time through an environment's own load balancer, kept as a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.utils import timezone

from deployments.aws.session import Clients
from deployments.errors import Sentence
from deployments.models import Environment, SiteProbe

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class Answer(Protocol):
    """What came of it: did it write, did it read back what it wrote, how long both took together."""

    @property
    def wrote(self) -> bool: ...
    @property
    def read(self) -> bool: ...
    @property
    def milliseconds(self) -> float | None: ...
    @property
    def sentence(self) -> Sentence: ...


class Site(Protocol):
    """What the runner asks of datelog behind a load balancer."""

    def save_and_read(self, url: str, load_balancer: str) -> Answer:
        """Save a time and read it back at `url`.

        Only ever sent to the load balancer's DNS name `load_balancer`. Never raises for what the site does
        or does not answer.
        """
        ...


def probe(environment: Environment, clients: Clients, asked_by: User | None = None) -> SiteProbe | None:
    """Try the site once and keep what came of it. None when there is no load balancer to go through."""
    site: Site | None = getattr(clients, "site", None)
    balancer = environment.load_balancers.filter(tier="alb").exclude(dns_name="").order_by("pk").first()
    if site is None or balancer is None:
        return None
    url = environment.url or f"http://{balancer.dns_name}/"
    answer = site.save_and_read(url, balancer.dns_name)
    return SiteProbe.objects.create(
        environment=environment,
        at=timezone.now(),
        wrote=answer.wrote,
        read=answer.read,
        milliseconds=answer.milliseconds,
        sentence=answer.sentence.as_json(),
        asked_by=asked_by,
    )
