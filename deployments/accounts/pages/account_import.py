"""The import of accounts from a CSV: its problems by line, and the accounts to add if there are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.accounts.pages.forms import AccountForm
from deployments.accounts.rules import account_csv
from deployments.accounts.rules.account_csv import COLUMNS, AccountRow, CsvFault, CsvProblem
from deployments.common.pages.forms import FormProblems
from deployments.environments.models.accounts import Account, new_external_id

MOST_PROBLEMS = 50
"""Maximum number of problems that are reported at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProblem:
    """What is wrong at a line; `column` is "" if it is about the whole line."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        values = {"line": self.line, "column": self.column, "text": self.text}
        return (
            _("Line %(line)s, %(column)s: %(text)s") if self.column else _("Line %(line)s: %(text)s")
        ) % values


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountImport:
    """The accounts of a CSV, not saved; or what is wrong with it, by line."""

    accounts: tuple[Account, ...] = ()
    problems: tuple[LineProblem, ...] = ()


def read_import(text: str) -> AccountImport:
    """Return the accounts of a CSV, with one external ID, so that one StackSet can create their roles."""
    found, external_id = account_csv.read(text), new_external_id()
    read = [
        (row, AccountForm(dict(row.values), instance=Account(external_id=external_id))) for row in found.rows
    ]
    problems = [LineProblem(line=one.line, column=one.column, text=_text(one)) for one in found.problems]
    for row, form in read:
        problems += _of_form(row, form)
    if problems:
        problems.sort(key=lambda one: one.line)
        return AccountImport(problems=tuple(problems[:MOST_PROBLEMS]))
    return AccountImport(accounts=tuple(form.instance for _row, form in read))


def _of_form(row: AccountRow, form: AccountForm) -> Iterator[LineProblem]:
    for field, errors in form.errors.items():
        column = field if field in COLUMNS else ""
        for error in errors:
            yield LineProblem(line=row.line, column=column, text=str(error))


def _text(found: CsvProblem) -> str:
    texts = {
        CsvFault.TOO_LARGE: _("The file is too large."),
        CsvFault.NOT_CSV: _("This is not a CSV. Check the quotation marks."),
        CsvFault.EMPTY: _("The first line needs the names of the columns, and each further one an account."),
        CsvFault.MISSING_COLUMN: _("This column is missing."),
        CsvFault.UNKNOWN_COLUMN: _("This column is unknown. Known are: %(columns)s."),
        CsvFault.REPEATED_COLUMN: _("This column appears twice."),
        CsvFault.TOO_MANY_ROWS: _("A file may have %(most)s accounts at most."),
        CsvFault.TOO_MANY_VALUES: _("The line has more values than there are columns."),
        CsvFault.BAD_ACCOUNT_ID: _("Enter the 12 digits of an AWS account ID."),
        CsvFault.REPEATED_NAME: _("An earlier line has this name."),
    }
    return texts[found.fault] % {"columns": ", ".join(COLUMNS), "most": account_csv.MAX_ROWS}


class AccountsFileForm(FormProblems, forms.Form):
    """The file of an import."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
        error_messages={"required": gettext_lazy("Choose a CSV file.")},
    )

    def read(self) -> AccountImport:
        """Return the accounts of the file; none, with its problems as errors, if it has any."""
        if not self.is_valid():
            return AccountImport()
        content: bytes = self.cleaned_data["file"].read(4 * account_csv.MAX_SIZE + 1)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            self.add_error("file", _("The file is not text in UTF-8."))
            return AccountImport()
        found = read_import(text)
        for problem in found.problems:
            self.add_error("file", str(problem))
        return found
