"""The texts of events of deletions, rollbacks and resources that remain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.common.pages.counts import resources

Values = Mapping[str, Any]


def _delete_found(values: Values) -> str:
    return _("Found %(resources)s to delete.") % {"resources": resources(int(values["resources"]))}


def _delete_started(values: Values) -> str:
    return _("Requested the deletion of %(stack_name)s from CloudFormation.") % values


def _delete_nothing(_values: Values) -> str:
    return _("No stack was left to delete.")


def _delete_unprotected(values: Values) -> str:
    count = int(values["resources"])
    if not count:
        return _("There was no deletion protection to turn off.")
    return _("Turned off the deletion protection of %(resources)s.") % {"resources": resources(count)}


def _kept_found(values: Values) -> str:
    return _("Found %(resources)s to roll back.") % {"resources": resources(int(values["resources"]))}


def _kept_rollback_started(values: Values) -> str:
    return _("Requested the rollback of %(stack_name)s from CloudFormation.") % values


def _remaining_searched(values: Values) -> str:
    count, problems = int(values["resources"]), int(values["problems"])
    found = (
        ngettext(
            "Searched for what remains in AWS: found %(count)d resource, %(billed)s of them billed.",
            "Searched for what remains in AWS: found %(count)d resources, %(billed)s of them billed.",
            count,
        )
        % {"count": count, "billed": values["billed"]}
        if count
        else _("Searched for what remains in AWS: found nothing.")
    )
    if not problems:
        return found
    missing = ngettext(
        "%(count)d service could not be searched.", "%(count)d services could not be searched.", problems
    ) % {"count": problems}
    return f"{found} {missing}"


def _trail_found(values: Values) -> str:
    count = int(values["calls"])
    return ngettext(
        "CloudTrail has %(count)d call behind the first failure.",
        "CloudTrail has %(count)d calls behind the first failure.",
        count,
    ) % {"count": count}


def _rollback_found(values: Values) -> str:
    found = resources(int(values["stuck"]))
    if not int(values["skipped"]):
        return _("To roll back again: %(resources)s.") % {"resources": found}
    return _("To roll back again: %(resources)s, of which %(skipped)s are skipped.") % {
        "resources": found,
        "skipped": int(values["skipped"]),
    }


def _rollback_started(values: Values) -> str:
    return _("Requested that CloudFormation continues the rollback of %(stack_name)s.") % values


def _drift_adopted(values: Values) -> str:
    if not values["with_set"]:
        return _(
            "Took over the parameters. The template set is not stored: choose the current one to change."
        )
    if values["same_templates"]:
        return _("Took over the parameters. The templates are those that Sanso deployed.")
    return _("Took over the templates and the parameters.")


def _nested_deleted(values: Values) -> str:
    return _("Requested the deletion of the nested stack %(stack)s without what is retained.") % values


def _review_purged(values: Values) -> str:
    return _("Deleted the empty stack %(stack_name)s: its change set was not executed for 7 days.") % values


DELETION_EVENTS: dict[str, Callable[[Values], str]] = {
    "kept.found": _kept_found,
    "kept.rollback_started": _kept_rollback_started,
    "delete.found": _delete_found,
    "delete.started": _delete_started,
    "delete.nothing": _delete_nothing,
    "delete.unprotected": _delete_unprotected,
    "delete.nested": _nested_deleted,
    "rollback.found": _rollback_found,
    "rollback.started": _rollback_started,
    "take_over.done": _drift_adopted,
    "review.purged": _review_purged,
    "remaining.searched": _remaining_searched,
    "trail.found": _trail_found,
}
"""The text of each event, by its code."""
