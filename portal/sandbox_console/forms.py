"""The forms of the sandbox's page: failures to inject, and the time scale."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.forms.boundfield import BoundField
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from portal.sandbox_console import labels
from portal.sandbox_console.control_plane import ControlPlane

REASON = (
    'Resource handler returned message: "You have reached the quota of this account. (Service: Sandbox, '
    'Status Code: 400, Request ID: 0d8c)" (RequestToken: 51af3dc0, HandlerErrorCode: ServiceLimitExceeded)'
)
PRINTED = """\
PLAY [Configure an app server] *************************************************

TASK [Install the packages of the lock file] ***********************************
fatal: [localhost]: FAILED! => {"changed": false, "msg": "No space left on device"}

PLAY RECAP *********************************************************************
localhost                  : ok=11   changed=4    unreachable=0    failed=1    skipped=2
"""
STATUS = "failed to run commands: exit status 2"
SERVICES = (
    *("cloudformation", "autoscaling", "cloudwatch", "ec2", "elbv2", "iam", "lambda", "logs", "rds"),
    *("s3", "secretsmanager", "ssm", "sts"),
)
"""Services by boto3's names, which are also the sandbox's; the one that deployments call most is first."""
PLAIN = {"autocomplete": "off", "autocapitalize": "off", "spellcheck": "false", "class": "mono"}


def suggesting(name: str) -> forms.TextInput:
    """Return a text field with the suggestions of a datalist of the page."""
    return forms.TextInput(attrs={**PLAIN, "list": name})


class FaultForm(forms.Form):
    """One of the page's forms. `form_name` is its name among them."""

    form_name = ""

    def __init__(self, sent: QueryDict | None = None) -> None:
        super().__init__(sent, auto_id=f"form-{self.form_name}-%s")

    def problems(self) -> list[tuple[BoundField | None, str, str]]:
        """Return every (field, label, error); first those without a field."""
        whole: list[tuple[BoundField | None, str, str]] = [
            (None, "", str(e)) for e in self.non_field_errors()
        ]
        return whole + [(field, str(field.label), str(e)) for field in self for e in field.errors]

    def about(self) -> str:
        """Return the subject of the request: the value of the first field."""
        return str(next(iter(self.cleaned_data.values()), ""))

    def carry_out(self, sandbox: ControlPlane) -> str:
        """Send the request and return a message. Raise SandboxUnavailable or SandboxRejected."""
        raise NotImplementedError


class ResourceForm(FaultForm):
    """A resource whose operation fails."""

    form_name = "resource"
    logical_id = forms.CharField(
        label=gettext_lazy("Logical ID"),
        max_length=255,
        widget=suggesting("logical-ids"),
        validators=[
            RegexValidator(r"^[A-Za-z0-9]+$", gettext_lazy("A logical ID has letters and digits only."))
        ],
        help_text=gettext_lazy("As in the template, in any stack."),
    )
    operation = forms.ChoiceField(
        label=pgettext_lazy("failing resource", "Fails"), choices=lambda: list(labels.OPERATIONS.items())
    )
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=2000,
        initial=REASON,
        widget=forms.Textarea(attrs={**PLAIN, "rows": 4}),
        help_text=gettext_lazy("The reason that CloudFormation reports."),
    )

    def carry_out(self, sandbox: ControlPlane) -> str:
        """Make the resource fail from now on."""
        values = self.cleaned_data
        prefix = "" if values["operation"] == "create" else f"{values['operation']}:"
        sandbox.add_faults(resources={prefix + values["logical_id"]: values["reason"]})
        return _("Failure injected: %(name)s.") % {"name": values["logical_id"]}


class AssociationForm(FaultForm):
    """An association that fails on some instances, with the output of its last step."""

    form_name = "association"
    name = forms.CharField(
        label=gettext_lazy("Association"),
        max_length=255,
        widget=suggesting("association-names"),
        validators=[RegexValidator(r"^[\w.-]+$|^\*$", gettext_lazy("Enter a valid association name."))],
        help_text=gettext_lazy("Its name in State Manager, such as sanso-shop-app-servers; * for all."),
    )
    where = forms.ChoiceField(
        label=pgettext_lazy("failing association", "Fails on"),
        choices=(
            ("all", gettext_lazy("all instances")),
            ("first", gettext_lazy("the first instances")),
            ("chosen", gettext_lazy("chosen instances")),
        ),
    )
    number = forms.IntegerField(
        label=gettext_lazy("Number of instances"), required=False, min_value=1, max_value=1000, initial=1
    )
    instances = forms.CharField(
        label=gettext_lazy("Instance IDs"),
        required=False,
        max_length=4000,
        widget=forms.TextInput(attrs={**PLAIN, "list": "instance-ids"}),
        help_text=gettext_lazy("Separated by spaces or commas."),
    )
    printed = forms.CharField(
        label=gettext_lazy("Output"),
        required=False,
        strip=False,
        max_length=20_000,
        initial=PRINTED,
        widget=forms.Textarea(attrs={**PLAIN, "rows": 10}),
    )

    def __init__(self, sent: QueryDict | None = None) -> None:
        super().__init__(sent)
        for name in ("number", "instances"):  # required when they are visible
            self.fields[name].must_be_filled = True  # type: ignore[attr-defined]  # read by _field.html

    def clean(self) -> dict[str, Any]:
        """Require the number or the ids if the choice needs them."""
        given = super().clean() or self.cleaned_data
        if given.get("where") == "first" and not given.get("number") and "number" not in self.errors:
            self.add_error("number", ValidationError(_("Enter the number of instances."), code="required"))
        if given.get("where") == "chosen" and "instances" not in self.errors:
            self._check_instances(given.get("instances") or "")
        return given

    def _check_instances(self, typed: str) -> None:
        ids = re.split(r"[\s,]+", typed.strip(" ,\n"))
        invalid = [one for one in ids if not re.fullmatch(r"m?i-[0-9a-f]+", one)]
        if not typed.strip(" ,\n"):
            self.add_error(
                "instances", ValidationError(_("Enter at least one instance ID."), code="required")
            )
        elif invalid:
            sentence = _("Not an instance ID: %(id)s") % {"id": invalid[0]}
            self.add_error("instances", ValidationError(sentence, code="invalid"))
        self.cleaned_data["ids"] = ids

    def carry_out(self, sandbox: ControlPlane) -> str:
        """Make the association fail from its next run on."""
        values = self.cleaned_data
        on = {"all": True, "first": values["number"], "chosen": values.get("ids")}[values["where"]]
        # Browsers submit the lines of a text with carriage returns, which programs do not print.
        printed = values["printed"].replace("\r\n", "\n")
        sandbox.add_faults(associations={values["name"]: {"on": on, "stdout": printed, "stderr": STATUS}})
        return _("Failure injected: %(name)s, from its next run.") % {"name": values["name"]}


class ApiForm(FaultForm):
    """Calls of an API that fail."""

    form_name = "api"
    service = forms.ChoiceField(
        label=gettext_lazy("Service"),
        choices=lambda: [*((name, name) for name in SERVICES), ("*", _("every service"))],
        widget=forms.Select(attrs={"class": "mono"}),
    )
    action = forms.CharField(
        label=gettext_lazy("Action"),
        max_length=100,
        initial="*",
        widget=suggesting("api-actions"),
        validators=[
            RegexValidator(
                r"^[A-Z][A-Za-z0-9]+$|^\*$", gettext_lazy("Enter an action such as DescribeStacks.")
            )
        ],
        help_text=gettext_lazy("As in the AWS API, such as DescribeStacks; * for all."),
    )
    mode = forms.ChoiceField(label=gettext_lazy("Effect"), choices=lambda: list(labels.MODES.items()))
    count = forms.IntegerField(
        label=gettext_lazy("Number of calls"), min_value=1, max_value=100_000, initial=20
    )

    def carry_out(self, sandbox: ControlPlane) -> str:
        """Make the next calls fail."""
        values = self.cleaned_data
        sandbox.add_faults(api=[{name: values[name] for name in ("service", "action", "mode", "count")}])
        return _("Failure injected for the next calls of %(service)s %(action)s.") % values


class TimeScaleForm(FaultForm):
    """The sandbox's time scale."""

    form_name = "pace"
    pace = forms.FloatField(
        label=gettext_lazy("Time scale"),
        min_value=0,
        max_value=120,
        widget=forms.NumberInput(attrs={"step": "any", "list": "paces", "inputmode": "decimal"}),
        help_text=gettext_lazy(
            "At 1, the default, an environment takes about a minute; 0 does not wait; 12 is AWS's own speed."
        ),
    )

    def carry_out(self, sandbox: ControlPlane) -> str:
        """Set the time scale, also for operations in progress."""
        sandbox.set_time_scale(self.cleaned_data["pace"])
        return _("Time scale set to %(pace)g.") % self.cleaned_data


FORMS: Iterable[type[FaultForm]] = (ResourceForm, AssociationForm, ApiForm, TimeScaleForm)
