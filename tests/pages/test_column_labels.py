"""In a narrow window the rows of a list are cards, whose cells have the labels of their columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

TABLE = re.compile(r'<table[^>]*class="(?:[^"]* )?rows[ "].*?</table>', re.DOTALL)
CELL = re.compile(r"<td\b((?:{%.*?%}|{{.*?}}|[^>])*)>(.*?)</td>", re.DOTALL)
WITHOUT_LABEL = re.compile(r'class="lead|aria-hidden|<button|class="button"|_create_again\.html')
"""The status of a row stands beside its name; actions name themselves."""
WITH_ROWS = [
    path
    for app in ("portal", "deployments")
    for path in sorted((settings.BASE_DIR / app).rglob("templates/**/*.html"))
    if TABLE.search(path.read_text())
]


@pytest.mark.parametrize("path", WITH_ROWS, ids=lambda path: path.name)
def test_each_cell_of_a_list_has_the_label_of_a_column(path: Path) -> None:
    for table in TABLE.findall(path.read_text()):
        head, _, body = table.partition("</thead>")
        columns = re.findall(r'translate "([^"]+)"', head)
        for attributes, content in CELL.findall(body):
            labels = re.findall(r"translate '([^']+)'", attributes)
            assert labels or WITHOUT_LABEL.search(attributes + content), content
            assert set(labels) <= set(columns)
