"""The files of template sets as deployments used them, stored once by their digest."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class DeployedSet(models.Model):
    """A template set that was deployed: its manifest, templates and sources as an archive.

    With it, an environment can go back to an earlier deployment after the set has changed.
    """

    digest = models.CharField(_("digest"), max_length=64, primary_key=True)
    name = models.CharField(_("name"), max_length=255)
    archive = models.BinaryField()
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("deployed template set")
        verbose_name_plural = _("deployed template sets")

    def __str__(self) -> str:
        return f"{self.name} {self.digest[:12]}"
