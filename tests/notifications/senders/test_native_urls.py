"""Addresses of chat services are recognized in the form in which people paste them."""

from __future__ import annotations

import apprise
import pytest
from pytest_django import Settings

from deployments.common.errors import UserFixable
from deployments.common.models.encryption import decrypt_values
from deployments.notifications.commands import save_destination
from deployments.notifications.models import NotificationTarget
from deployments.notifications.senders.native_urls import service_url
from tests.builders import make_user
from tests.message_texts import text_of
from tests.notification_builders import make_target

SLACK = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
DISCORD = "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"
CHAT = (
    "https://chat.googleapis.com/v1/spaces/AAAAkM/messages?key=AIzaSSjMm-WEfqKqqsHI&token=O7bnyri_WEXKcyFk%3D"
)
INVOKE = (
    "triggers/manual/paths/invoke?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=Abc-x_y"
)
LOGIC = f"https://prod-04.uksouth.logic.azure.com:443/workflows/0123abcdef0123456789/{INVOKE}"
POWER = (
    "https://default0123.4f.environment.api.powerplatform.com:443/powerautomate/automations/direct"
    f"/workflows/0123abcdef0123456789/{INVOKE}"
)
ROUTED = POWER.replace("/workflows/", "/cu/01/workflows/")
MATTERMOST = "https://chat.example.com/team/hooks/bywsw8zt5jgpte3nm65qjiru6h"
VALUES = {"name": "Chat", "topics": ["deployment.failed"], "language": "en"}


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise imports it
@pytest.mark.parametrize("address", [SLACK, f" {SLACK}/ ", DISCORD, CHAT, LOGIC, POWER, ROUTED])
def test_the_service_is_the_one_that_apprise_recognizes(address: str) -> None:
    native = apprise.Apprise.instantiate(address.strip())
    ours = apprise.Apprise.instantiate(service_url(address))

    assert isinstance(native, apprise.NotifyBase)
    assert isinstance(ours, type(native))
    assert ours.url() == native.url()  # type: ignore[no-untyped-call]  # apprise has no types for it


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise imports it
def test_mattermost_is_on_any_host_so_that_a_service_has_to_be_chosen() -> None:
    ours = apprise.Apprise.instantiate(service_url(MATTERMOST, "service"))

    assert type(ours).__name__ == "NotifyMattermost"
    assert service_url(MATTERMOST, "webhook") == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://team.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
        "https://outlook.office.com/webhook/a@b/IncomingWebhook/c/d",
    ],
)
def test_a_retired_connector_of_teams_is_refused_and_says_what_to_do(address: str) -> None:
    with pytest.raises(UserFixable) as refused:
        service_url(address)
    assert refused.value.code == "ConnectorRetired"
    assert "Create a workflow in Teams" in text_of(refused.value.message)


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.example.com/services/T/B/x",
        f"{SLACK}/more",
        "",
        "slack://a",
        LOGIC.replace("logic.azure.com", "logic.azure.com.example.org"),
        CHAT.replace("chat.", "chat.x."),
        POWER.replace("sig=", "nosig="),
    ],
)
def test_other_addresses_stay_as_they_are(address: str) -> None:
    assert service_url(address) == ""


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["webhook", "service"])
def test_a_pasted_address_of_slack_is_one_of_slack_whatever_was_chosen(kind: str, settings: Settings) -> None:
    settings.SANSO_NOTIFY_SCHEMES = ["slack"]
    user = make_user()

    saved = save_destination(user=user, target=None, values=VALUES, address=SLACK, shared=False, kind=kind)

    row = NotificationTarget.objects.get()
    assert (row.kind, row.hint, saved.secret) == ("service", "slack://…", "")
    assert decrypt_values(row.sealed_address)["url"].startswith("slack://T1JJ3T3L2/")

    edited = make_target("https://hooks.example.com/", owner=user)
    save_destination(user=user, target=edited, values=VALUES, address=SLACK, shared=False)
    edited.refresh_from_db()
    assert (edited.kind, edited.sealed_secret) == ("service", "")

    settings.SANSO_NOTIFY_SCHEMES = ["ntfy"]
    with pytest.raises(UserFixable) as refused:
        save_destination(user=user, target=None, values=VALUES, address=SLACK, shared=False, kind=kind)
    assert refused.value.code == "SchemeNotAllowed"
