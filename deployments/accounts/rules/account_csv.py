"""A CSV of accounts: its columns, and the values of its rows. The form of an account checks each value."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from deployments.aws.regions import partition

REQUIRED: Final = ("name", "region", "account_id")
OPTIONAL: Final = ("role_arn", "service_role_arn", "boundary_arn", "artifact_bucket")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
MAX_ROWS: Final = 200
MAX_SIZE: Final = 100_000
"""Characters of a file."""
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


class CsvFault(StrEnum):
    """What is wrong with a file or with one of its rows."""

    TOO_LARGE = "too_large"
    NOT_CSV = "not_csv"
    EMPTY = "empty"
    MISSING_COLUMN = "missing_column"
    UNKNOWN_COLUMN = "unknown_column"
    REPEATED_COLUMN = "repeated_column"
    TOO_MANY_ROWS = "too_many_rows"
    TOO_MANY_VALUES = "too_many_values"
    BAD_ACCOUNT_ID = "bad_account_id"
    REPEATED_NAME = "repeated_name"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvProblem:
    """A fault at a line of the file, from 1, with the column or other text that it is about."""

    fault: CsvFault
    line: int = 1
    column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """The values of an account by the fields of its form, and the line that they are from."""

    line: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsCsv:
    """The rows of a file; those with problems are among them only if their values can still be checked."""

    rows: tuple[AccountRow, ...] = ()
    problems: tuple[CsvProblem, ...] = ()


def read(text: str) -> AccountsCsv:
    """Return the rows of a CSV whose first line has the names of the columns, in any order.

    What is left out is what account.yaml creates: its names follow from the number of the AWS account.
    """
    if len(text) > MAX_SIZE:
        return _refused(CsvProblem(fault=CsvFault.TOO_LARGE))
    try:
        lines = list(_lines(text.removeprefix("\ufeff")))
    except csv.Error:
        return _refused(CsvProblem(fault=CsvFault.NOT_CSV))
    if len(lines) < 2:
        return _refused(CsvProblem(fault=CsvFault.EMPTY))
    (_first, header), *body = lines
    columns = [name.strip().lower() for name in header]
    if faults := tuple(_faults_of_header(columns)):
        return _refused(*faults)
    if len(body) > MAX_ROWS:
        return _refused(CsvProblem(fault=CsvFault.TOO_MANY_ROWS, line=body[MAX_ROWS][0]))
    found: list[AccountRow] = []
    problems: list[CsvProblem] = []
    for line, cells in body:
        row = dict(zip(columns, (cell.strip() for cell in cells), strict=False))
        problems += _faults_of_row(line, cells, row, columns)
        found.append(AccountRow(line=line, values=_completed(row)))
    return AccountsCsv(rows=tuple(found), problems=(*problems, *_repeated(found)))


def _refused(*problems: CsvProblem) -> AccountsCsv:
    return AccountsCsv(problems=problems)


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each line that is not blank, with the number of the line where they begin."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = reader.line_num + 1


def _faults_of_header(columns: list[str]) -> Iterator[CsvProblem]:
    for name, count in Counter(columns).items():
        if name not in COLUMNS:
            yield CsvProblem(fault=CsvFault.UNKNOWN_COLUMN, column=name)
        elif count > 1:
            yield CsvProblem(fault=CsvFault.REPEATED_COLUMN, column=name)
    for name in REQUIRED:
        if name not in columns:
            yield CsvProblem(fault=CsvFault.MISSING_COLUMN, column=name)


def _faults_of_row(
    line: int, cells: list[str], row: Mapping[str, str], columns: list[str]
) -> Iterator[CsvProblem]:
    if any(cell.strip() for cell in cells[len(columns) :]):
        yield CsvProblem(fault=CsvFault.TOO_MANY_VALUES, line=line)
    if not _ACCOUNT.fullmatch(row.get("account_id", "")):
        yield CsvProblem(fault=CsvFault.BAD_ACCOUNT_ID, line=line, column="account_id")


def _completed(row: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the form of an account: those that are empty are the names of account.yaml."""
    number, region = row.get("account_id", ""), row.get("region", "")
    arn = f"arn:{partition(region)}:iam::{number}"
    usual = {
        "role_arn": f"{arn}:role/sanso-portal",
        "service_role_arn": f"{arn}:role/sanso-cloudformation",
        "boundary_arn": f"{arn}:policy/sanso-boundary",
        "artifact_bucket": f"sanso-artifacts-{number}-{region}",
    }
    if not _ACCOUNT.fullmatch(number):
        usual = {}  # which is the only problem then
    given = {name: row.get(name, "") for name in OPTIONAL}
    return {
        "name": row.get("name", ""),
        "region": region,
        **{name: value or usual.get(name, "") for name, value in given.items()},
    }


def _repeated(rows: list[AccountRow]) -> Iterator[CsvProblem]:
    """Yield the names that an earlier row has: databases compare them without regard to case."""
    seen: set[str] = set()
    for row in rows:
        name = row.values["name"].casefold()
        if name and name in seen:
            yield CsvProblem(fault=CsvFault.REPEATED_NAME, line=row.line, column="name")
        seen.add(name)
