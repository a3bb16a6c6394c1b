"""Changes of template sets: the servers to which their stored credentials may be sent."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from django.contrib.auth.models import User

from deployments.access.models.audit_records import AuditRecord
from deployments.common.errors import UserFixable
from deployments.common.message_codes import Code
from deployments.common.models.encryption import decrypt_values, encrypt_values
from deployments.template_sets.commands.sources import SHOWN, save_source
from deployments.template_sets.models.sources import TemplateSource
from tests.builders import make_user

pytestmark = pytest.mark.django_db
TOKEN = {"username": "reader", "token": "s3cret"}
URL = "https://git.example.com/shop.git"


@pytest.fixture
def manager() -> User:
    return make_user("manager", is_superuser=True)


@pytest.fixture
def shop() -> TemplateSource:
    """A template set with a stored token."""
    return TemplateSource.objects.create(
        name="shop",
        live_key="shop",
        kind="git",
        url=URL,
        refs="main",
        sealed_credentials=encrypt_values(TOKEN),
    )


def values(source: TemplateSource, **changed: Any) -> dict[str, Any]:
    return {name: getattr(source, name) for name in SHOWN} | changed


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/shop.git",
        "https://git.example.com:8443/shop.git",
        "http://git.example.com/shop.git",
        "ssh://git@git.example.com/shop.git",
        "/srv/git/shop.git",
    ],
)
def test_a_stored_token_is_not_kept_for_another_server(manager: User, shop: TemplateSource, url: str) -> None:
    with pytest.raises(UserFixable) as refused:
        save_source(user=manager, source=shop, values=values(shop, url=url))

    assert refused.value.message.code == Code.SOURCE_CREDENTIALS_OF_OTHER
    assert refused.value.message.params == {"url": URL}
    shop.refresh_from_db()
    assert shop.url == URL


def test_new_credentials_or_none_go_with_another_server(manager: User, shop: TemplateSource) -> None:
    elsewhere = values(shop, url="https://git.example.org/shop.git")

    changed = save_source(user=manager, source=shop, values=elsewhere, credentials={"token": "n3w"})
    assert decrypt_values(changed.sealed_credentials) == {"token": "n3w"}
    changed = save_source(user=manager, source=changed, values=values(shop), credentials={})
    assert changed.sealed_credentials == ""


def test_a_stored_token_is_kept_for_another_repository_of_its_server(
    manager: User, shop: TemplateSource
) -> None:
    url = "https://git.example.com/team/shop.git"
    changed = save_source(user=manager, source=shop, values=values(shop, url=url))

    assert (changed.url, decrypt_values(changed.sealed_credentials)) == (url, TOKEN)


SECRET = "s3cret"


@pytest.mark.parametrize("kind", ["git", "folder", "archive"])
@pytest.mark.parametrize(
    "url",
    [
        f"https://reader:{SECRET}@git.example.com/shop.git",
        f"https://{SECRET}@git.example.com/shop.git",
        f"https://git.example.com/shop.git?token={SECRET}",
        f"https:reader:{SECRET}@git.example.com/shop.git",
        f"reader:{SECRET}@git.example.com/shop.git",
        f"git@git.example.com:shop.git?token={SECRET}",
    ],
)
def test_credentials_in_an_address_are_not_recorded(
    manager: User, shop: TemplateSource, kind: str, url: str
) -> None:
    for source, name in ((None, "blog"), (shop, "shop")):
        with contextlib.suppress(UserFixable):
            save_source(user=manager, source=source, values=values(shop, name=name, kind=kind, url=url))

    records = list(AuditRecord.objects.values())
    assert len(records) == 2
    assert SECRET not in str(records)
    assert SECRET not in str(list(TemplateSource.objects.values("url", "name")))


def test_a_private_key_in_the_field_of_the_host_key_is_not_recorded(
    manager: User, shop: TemplateSource
) -> None:
    key = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n-----END OPENSSH PRIVATE KEY-----"
    for kind in ("git", "folder", "archive"):
        with pytest.raises(UserFixable):
            save_source(user=manager, source=shop, values=values(shop, kind=kind, host_key=key))

    assert SECRET not in str(list(AuditRecord.objects.values()))
