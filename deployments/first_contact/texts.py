"""The texts of runs, steps and outcomes. Questions are the names of calls, and AWS's answers are its own."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop as N_
from django.utils.translation import pgettext_lazy

from deployments.common.message_codes import Code
from deployments.first_contact import models
from deployments.first_contact.rules.answers import Match

STEPS = {
    "reads": _("Reads"),
    "roles": _("Roles"),
    "strict": _("Strict scope"),
    "change_set": _("Change set only"),
    "probe": _("Probe stack"),
    "database": _("Database cluster"),
    "environment": _("Environment"),
    "clean_up": _("Clean-up"),
}
WHAT_STEPS_DO = {
    "reads": _(
        "Assumes the role with the right and with a wrong external ID, and makes every reading call of "
        "Sanso. Creates nothing. AWS charges for the metrics that are read."
    ),
    "roles": _(
        "Simulates each action of the roles, and lets IAM Access Analyzer validate their policies. Creates "
        "nothing, and AWS charges nothing."
    ),
    "strict": _(
        "Tests that the roles have the strict scope (Scope of account.yaml). The other steps show whether "
        "they suffice. Creates nothing, and AWS charges nothing."
    ),
    "change_set": _(
        "Uploads the bundled template set, creates its change set, and deletes both. AWS charges for "
        "requests and for a few hundred kilobytes of storage for minutes."
    ),
    "probe": _(
        "Deploys a small stack and deletes it. AWS charges for its Network Load Balancer, its public IPv4 "
        "address and its secret while they exist; some are billed for a whole hour."
    ),
    "database": _(
        "Creates an Aurora MySQL cluster without instances, with its network, subnet group and parameter "
        "group, and deletes them. AWS charges for the storage and the secret of the cluster while they exist."
    ),
    "environment": _(
        "Creates an environment of the size Trial as users do, checks its site, changes it, releases to its "
        "servers, replaces one, and deletes it. Takes an hour or two. AWS charges for everything in it."
    ),
}
"""What each step does and creates, and what AWS charges for; docs/first-contact.md has the details."""
STEP_STATES = {
    models.WAITING: pgettext_lazy("step", "Waiting"),
    models.ACTIVE: pgettext_lazy("step", "In progress"),
    models.DONE: pgettext_lazy("step", "Finished"),
    models.FAILED: pgettext_lazy("step", "Failed"),
    models.CANCELED: pgettext_lazy("step", "Canceled"),
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
CONTACT = {
    Code.CONTACT_IN_PROGRESS: N_(
        "A first contact with %(account)s is in progress. Wait until it has finished, or cancel it."
    ),
    Code.CONTACT_FINISHED: N_("The first contact with %(account)s has finished."),
    Code.CONTACT_CLEANING: N_(
        "The first contact with %(account)s is cleaning up. This cannot be canceled: it deletes what was "
        "created."
    ),
    Code.CONTACT_LEFT: N_(
        "The last first contact with %(account)s has left resources in AWS. Clean up before you run another "
        "one."
    ),
    Code.CONTACT_NOTHING_LEFT: N_("The first contact with %(account)s has left nothing in AWS."),
    Code.CONTACT_WITHOUT_STEPS: N_("Choose at least one step."),
    Code.CONTACT_BLOCKS_ACCOUNT: N_(
        "A first contact with %(account)s is in progress. Wait until it has finished, or cancel it, before "
        "you change or remove the account."
    ),
}
