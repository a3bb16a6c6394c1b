"""The card of a preview about its servers: what they get, whether there is an outage, the way back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from deployments.access.models.audit_records import AuditRecord
from deployments.cloudformation.release_kind import Release, ReleaseKind
from deployments.common.errors import Message
from deployments.common.message_codes import Code
from deployments.environments.models.deployments import Deployment
from deployments.environments.models.environments import Environment
from tests.changes.pages.test_preview import _may_change, opened, shop
from tests.previews import make_preview

pytestmark = pytest.mark.django_db
__all__ = ["_may_change", "shop"]


def make_release(shop: Environment, kind: ReleaseKind, servers: int = 2, **values: Any) -> Deployment:
    """Return a change whose preview is ready, with a release of this kind."""
    release = Release(
        kind=kind,
        reason=Message(Code.RELEASE_CODE, {"count": "1"}),
        stack="AppServers",
        files=("app/datelog/page.py",),
        number=3,
        servers=servers,
        **values,
    )
    return make_preview(shop, changes={"release": release.to_json()})


def test_a_code_release_expects_no_outage(browser: Client, shop: Environment) -> None:
    shown = opened(browser, make_release(shop, ReleaseKind.CODE))
    card = shown.one(id="release")

    assert "Code release" in card.text
    assert "Only code differs (files: 1)." in card.text
    assert "app/datelog/page.py" in card.text
    assert "and 2 more" in card.text
    assert shown.one(id="outage").text == "None expected"
    assert "⚠" not in card.text


def test_one_server_alone_is_warned_of_and_the_outage_says_the_same(
    browser: Client, shop: Environment
) -> None:
    change = make_release(shop, ReleaseKind.DISRUPTIVE, servers=1, interrupts=True)
    shown = opened(browser, change)

    assert "There is one server" in shown.one(id="release").text
    assert shown.one(id="outage").text == "Yes; its duration is not known"


def test_the_first_servers_are_new_ones(browser: Client, shop: Environment) -> None:
    release = Release(
        kind=ReleaseKind.REPLACEMENT,
        reason=Message(Code.RELEASE_GROUP_CREATED, {"group": "AppServers/AutoScalingGroup"}),
        stack="AppServers",
        servers=1,
    )
    card = opened(browser, make_preview(shop, changes={"release": release.to_json()})).one(id="release")

    assert "New servers" in card.text
    assert "There are no servers yet." in card.text
    assert "Replacement" not in card.text


def test_a_set_that_declares_no_release_has_no_card(browser: Client, shop: Environment) -> None:
    assert not opened(browser, make_preview(shop, "scale")).all(id="release")


def test_a_release_goes_back_by_itself_if_that_is_chosen(browser: Client, shop: Environment) -> None:
    change = make_release(shop, ReleaseKind.CODE)
    box = opened(browser, change).one("input", name="go_back")
    assert "checked" not in box.attributes

    browser.post(f"/deployments/{change.pk}/apply", {"digest": change.preview_digest, "go_back": "on"})
    change.refresh_from_db()
    assert change.options == {"go_back": True}
    assert AuditRecord.objects.get(action="apply").details["go_back"] is True


def test_without_servers_to_release_to_there_is_nothing_to_go_back_from(
    browser: Client, shop: Environment
) -> None:
    change = make_release(shop, ReleaseKind.REPLACEMENT)
    assert not opened(browser, change).all("input", name="go_back")

    browser.post(f"/deployments/{change.pk}/apply", {"digest": change.preview_digest, "go_back": "on"})
    change.refresh_from_db()
    assert change.options == {}
