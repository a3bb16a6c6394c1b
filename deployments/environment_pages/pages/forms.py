"""The form that changes the labels of an environment."""

from __future__ import annotations

from deployments.access.pages.label_field import LabelsField
from deployments.common.pages.forms import ReasonedForm


class LabelsForm(ReasonedForm):
    """The labels of an environment."""

    reason = request_key = None  # type: ignore[assignment]  # Django's way to leave out fields of the base class
    labels = LabelsField()
