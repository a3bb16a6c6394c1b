"""The texts of runs, steps and outcomes. Questions are the names of calls, and AWS's answers are its own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from deployments.first_contact import models
from deployments.first_contact.rules.answers import Match

STEPS = {
    "reads": _("Reads"),
    "roles": _("Roles"),
    "change_set": _("Change set only"),
    "probe": _("Probe stack"),
    "clean_up": _("Clean-up"),
}
STEP_STATES = {
    models.WAITING: pgettext_lazy("step", "Waiting"),
    models.ACTIVE: pgettext_lazy("step", "In progress"),
    models.DONE: pgettext_lazy("step", "Finished"),
    models.FAILED: pgettext_lazy("step", "Failed"),
    models.NOT_RUN: pgettext_lazy("step", "Not run"),
}
OUTCOMES = {
    Match.EXPECTED: pgettext_lazy("answer", "As expected"),
    Match.NOTE: pgettext_lazy("answer", "Noted"),
    Match.DIFFERENT: pgettext_lazy("answer", "Different"),
    Match.DENIED: pgettext_lazy("answer", "Denied"),
    Match.NO_ANSWER: pgettext_lazy("answer", "No response"),
}
BILLING = {
    "billed": _("billed"),
    "free": _("free"),
    "unknown": _("billing unknown"),
}
