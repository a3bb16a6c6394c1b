"""Evidence of a failure, stored before a rollback deletes logs and servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.common.models.fields import IdField
from deployments.common.rules.stored_messages import read_message
from deployments.environments.models.deployments import Deployment
from deployments.failures.rules.stopped_stack import FindingKind, StackFinding

KINDS = [
    ("function_log", _("Function log")),
    ("association_output", _("Server configuration output")),
    ("target_reasons", _("Health check results")),
    ("scaling_activities", _("Scaling activities")),
    ("connections", _("Blocked connections")),
    ("trail", _("CloudTrail")),
    ("validation", _("Validation and hooks")),
]

FINDINGS = {
    Code.STOPPED_BY_VALIDATION: FindingKind.VALIDATION,
    Code.STOPPED_BY_HOOK: FindingKind.HOOK,
    Code.STOPPED_BY_ERROR: FindingKind.ERROR,
}
"""The codes of messages about what stopped a stack."""
_VALUES = ("path", "type", "check", "property_path", "reason")


class EvidenceQuerySet(models.QuerySet["Evidence"]):
    """Named queries over evidence."""

    def of(self, deployment: Deployment) -> Self:
        """Keep one deployment's, in the order in which it was found."""
        return self.filter(deployment=deployment).order_by("pk")

    def connections_of(self, deployment: Deployment) -> str:
        """Return the sentences about connections that are not possible, "" if there are none."""
        rows = self.of(deployment).filter(kind="connections")
        return "\n".join(rows.values_list("text", flat=True))

    def findings_of(self, deployment: Deployment) -> list[StackFinding]:
        """Return what stopped a stack, the one that explains the failure first."""
        return findings_in(self.of(deployment).filter(kind="validation"))

    def first_finding_of(self, deployment: Deployment) -> Message | None:
        """Return the message about what stopped a stack; None if nothing else is known than its events."""
        messages = (read_message(one.problem) for one in self.of(deployment).filter(kind="validation"))
        return next((one for one in messages if one and one.code in FINDINGS), None)


class Evidence(models.Model):
    """The end of a log or output, or a list of AWS's values, at the time `at`.

    `subject` is its origin: a log group and stream, an instance, a group. Instead of `text` there may be a
    `problem`: why it could not be read. What CloudTrail has, and what stopped a stack, is a message there for
    each call or finding, `at` its time; `subject` is the id of the call or event.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="evidence")
    kind = models.CharField(_("kind"), max_length=30, choices=KINDS)
    subject = IdField(max_length=255)
    text = models.TextField(blank=True, default="")
    problem = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField(_("time"))

    objects = models.Manager.from_queryset(EvidenceQuerySet)()

    class Meta:
        verbose_name = _("evidence")
        verbose_name_plural = _("evidence")
        constraints = (
            models.UniqueConstraint(fields=("deployment", "kind", "subject"), name="one_evidence_a_subject"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


def trail_of(pieces: Iterable[Evidence]) -> list[Evidence]:
    """Return what CloudTrail has about the first failure in its evidence, the latest call first."""
    return sorted((one for one in pieces if one.kind == "trail"), key=lambda one: one.at, reverse=True)


def validation_of(pieces: Iterable[Evidence]) -> list[Evidence]:
    """Return what stopped a stack in its evidence, in the order in which it was stored."""
    return [one for one in pieces if one.kind == "validation"]


def findings_in(pieces: Iterable[Evidence]) -> list[StackFinding]:
    """Return the findings in evidence of validation, without a note that it could not be read."""
    messages = (read_message(one.problem) for one in validation_of(pieces))
    return [
        StackFinding(kind=FINDINGS[found.code], **{name: found.params.get(name, "") for name in _VALUES})
        for found in messages
        if found and found.code in FINDINGS
    ]
