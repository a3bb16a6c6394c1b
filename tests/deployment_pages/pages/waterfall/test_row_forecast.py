"""The forecast of rows: the data of an open page about rows that have not ended."""

from __future__ import annotations

import pytest

from deployments.deployment_pages.pages.waterfall import cache
from deployments.deployment_pages.pages.waterfall.progress import forecast_of_rows
from deployments.deployment_pages.pages.waterfall.view_model import DeploymentView
from tests.live import scenes


@pytest.mark.django_db
def test_the_forecast_of_rows_has_the_expected_times_of_rows_that_have_not_ended() -> None:
    cache.clear()
    view = DeploymentView.whole(scenes.running())
    sent = forecast_of_rows(view.timeline, view.axis)

    assert "t-Network" not in sent["rest"]
    assert sent["rest"]["t-Aurora.Aurora3"][0] is None  # in progress: None is now
    assert sent["rest"]["t-AppServers"][1] > 0
    assert sent["band"][1] <= sent["band"][0] <= sent["band"][2]
