"""The HTML of a row: escaped, and in the language of the user."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from deployments.common.pages.locale import Locale
from deployments.deployment_pages.pages.waterfall import row_html
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from deployments.stacks.display.tree import TreeNode
from tests.deployment_pages.pages.waterfall.builders import AXIS, T0, row_builder, row_of
from tests.live import scenes


def test_texts_of_aws_are_escaped() -> None:
    node = TreeNode(path='<img src="x">', name='<img src="x">', status="<s>", reason="<script>", type="<t>")
    html = row_html.row(row_of(node.path, row_builder(node)), AXIS, T0, "en")

    assert not re.search(r"<(img|s|script|t)[ >]", html)


@pytest.mark.django_db
@pytest.mark.parametrize("language", dict(settings.LANGUAGES))
def test_a_row_is_rendered_in_the_language_and_time_zone_of_the_user(language: str) -> None:
    locale = Locale(language, "Asia/Tokyo")
    with locale.active():
        view = DeploymentView.whole(scenes.running())
        rendered = "".join(view.render_rows(view.rows(), locale))
    assert ("完了" in rendered) is (language == "ja")
    assert "JST" in rendered
