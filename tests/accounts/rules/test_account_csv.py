"""A CSV of accounts: its rows, and what is wrong with it by line."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.accounts.rules.account_csv import (
    COLUMNS,
    MAX_ROWS,
    MAX_SIZE,
    OPTIONAL,
    REQUIRED,
    CsvFault,
    read,
)

HEADER = "name,region,account_id"
ROW = "production,eu-west-1,123456789012"


def faults(text: str) -> list[tuple[CsvFault, int, str]]:
    return [(one.fault, one.line, one.column) for one in read(text).problems]


def test_what_is_left_out_is_named_as_account_yaml_names_it() -> None:
    found = read(f"{HEADER}\n{ROW}\n")

    assert found.problems == ()
    (row,) = found.rows
    assert (row.line, dict(row.values)) == (
        2,
        {
            "name": "production",
            "region": "eu-west-1",
            "role_arn": "arn:aws:iam::123456789012:role/sanso-portal",
            "service_role_arn": "arn:aws:iam::123456789012:role/sanso-cloudformation",
            "boundary_arn": "arn:aws:iam::123456789012:policy/sanso-boundary",
            "artifact_bucket": "sanso-artifacts-123456789012-eu-west-1",
        },
    )


def test_columns_are_in_any_order_and_arns_are_of_the_partition_of_the_region() -> None:
    text = "\ufeffAccount_ID , Name,artifact_bucket,region\n123456789012,china,ours,cn-north-1\n"

    (row,) = read(text).rows

    assert row.values["artifact_bucket"] == "ours"
    assert row.values["role_arn"] == "arn:aws-cn:iam::123456789012:role/sanso-portal"


def test_lines_are_those_of_the_file_with_blank_ones_and_quoted_ends_of_lines() -> None:
    text = f'{HEADER}\n\n"two\nlines",eu-west-1,123456789012\nproduction,eu-west-1,12\n'

    assert faults(text) == [(CsvFault.BAD_ACCOUNT_ID, 5, "account_id")]
    assert [row.line for row in read(text).rows] == [3, 5]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", (CsvFault.EMPTY, 1, "")),
        (HEADER, (CsvFault.EMPTY, 1, "")),
        (f"name,region\n{ROW}", (CsvFault.MISSING_COLUMN, 1, "account_id")),
        (f"{HEADER},owner\n{ROW},ana", (CsvFault.UNKNOWN_COLUMN, 1, "owner")),
        (f"{HEADER},name\n{ROW},x", (CsvFault.REPEATED_COLUMN, 1, "name")),
        (f"{HEADER}\n{ROW},more", (CsvFault.TOO_MANY_VALUES, 2, "")),
        (f"{HEADER}\n{ROW}\n{ROW.upper()}", (CsvFault.REPEATED_NAME, 3, "name")),
        (f'{HEADER}\n"production,eu-west-1', (CsvFault.NOT_CSV, 1, "")),
        (f"{HEADER}\n" + f"{ROW}\n" * (MAX_ROWS + 1), (CsvFault.TOO_MANY_ROWS, MAX_ROWS + 2, "")),
        ("x" * (MAX_SIZE + 1), (CsvFault.TOO_LARGE, 1, "")),
    ],
)
def test_what_is_wrong_has_its_line_and_column(text: str, found: tuple[CsvFault, int, str]) -> None:
    assert faults(text) == [found]


@given(st.text(max_size=200))
def test_any_text_has_rows_or_problems(text: str) -> None:
    found = read(text)

    assert found.rows or found.problems


values = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=9)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(("name", *OPTIONAL), values)), min_size=1, max_size=5))
def test_what_a_program_writes_is_read(rows: list[dict[str, str]]) -> None:
    written = io.StringIO()
    writer = csv.DictWriter(written, COLUMNS)
    writer.writeheader()
    for number, row in enumerate(rows):
        name = f"{row['name']}{number}"
        writer.writerow({**row, "name": name, "region": "eu-west-1", "account_id": "123456789012"})

    found = read(written.getvalue())

    assert found.problems == ()
    assert [row.values["boundary_arn"] for row in found.rows] == [row["boundary_arn"] for row in rows]
    assert set(REQUIRED) <= set(COLUMNS)
