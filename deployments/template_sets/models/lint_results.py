"""The findings of cfn-lint for a template set, stored by the set's digest."""

from __future__ import annotations

from django.db import models


class TemplateCheck(models.Model):
    """The findings of one digest: [{"level", "rule", "file", "line", "message"}], errors and warnings."""

    digest = models.CharField(max_length=64, unique=True)
    findings = models.JSONField(default=list)
    checked_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.digest[:12]

    @property
    def errors(self) -> list[dict[str, str]]:
        """Return the findings that prevent a deployment."""
        return [finding for finding in self.findings if finding["level"] == "Error"]
