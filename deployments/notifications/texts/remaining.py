"""The sentence about what remains in AWS after a deployment: on pages, and in notifications."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.cloudformation.remaining import SearchState


def remaining_text(count: int, billed: int, search: str, *, has_problems: bool) -> str:
    """Return how many resources remain, and how many of them AWS bills.

    `has_problems`: some services could not be searched.
    """
    if not count and search == SearchState.PENDING:
        return _("Searching AWS for what remains…")
    if not count:
        return (
            _("Nothing was found in the services that could be searched.")
            if has_problems
            else _("The search found nothing in AWS.")
        )
    if not billed:
        return ngettext(
            "%(count)d resource remains in AWS; it is not billed.",
            "%(count)d resources remain in AWS; none is billed.",
            count,
        ) % {"count": count}
    if billed == count:
        text = ngettext(
            "%(count)d resource remains in AWS and is billed.",
            "%(count)d resources remain in AWS and are billed.",
            count,
        )
    else:
        text = ngettext(
            "%(count)d resources remain in AWS and %(billed)d is billed.",
            "%(count)d resources remain in AWS and %(billed)d are billed.",
            billed,
        )
    return text % {"count": count, "billed": billed}
