"""One request deletes what remains of a failed creation; afterwards the form opens with its values."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from deployments.common.errors import UserFixable
from deployments.environments.models.deployments import Deployment
from deployments.recovery.commands.delete import may_clean_up, request_clean_up
from tests.builders import make_user
from tests.live import scenes
from tests.pages.pages import page

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_user("ana", is_superuser=True)


def test_it_is_a_deletion_of_the_environment_without_its_protection(user: User) -> None:
    failed = scenes.reload(scenes.rolled_back("lost"))

    deletion = request_clean_up(user=user, deployment=failed)

    assert deletion.kind == "delete"
    assert deletion.environment == failed.environment
    assert deletion.unprotect
    assert deletion.is_active


def test_two_clicks_are_one_deletion(user: User) -> None:
    failed = scenes.reload(scenes.rolled_back("lost"))

    first = request_clean_up(user=user, deployment=failed)
    again = request_clean_up(user=user, deployment=Deployment.objects.for_page().get(pk=failed.pk))

    assert first == again


def test_an_environment_that_was_created_needs_its_name_to_be_typed(user: User) -> None:
    """If only the servers' configuration failed, the environment is complete and may contain data."""
    failed = scenes.rolled_back("lost")
    Deployment.objects.update(state="failed", last_phase="configuration")
    failed = scenes.reload(failed)

    assert not may_clean_up(failed)
    with pytest.raises(UserFixable):
        request_clean_up(user=user, deployment=failed)


def test_an_earlier_deployment_cleans_up_nothing(user: User) -> None:
    failed = scenes.reload(scenes.rolled_back("lost"))
    deletion = request_clean_up(user=user, deployment=failed)
    Deployment.objects.filter(pk=deletion.pk).update(state="failed", active_key=None)

    assert not may_clean_up(scenes.reload(failed))


def test_the_button_leads_to_the_deletion_which_opens_the_form_at_its_end(client: Client, user: User) -> None:
    failed = scenes.rolled_back("lost")
    client.force_login(user)

    response = client.post(f"/deployments/{failed.pk}/clean-up", follow=True)

    shown = page(response).one(id="deployment")
    assert "Delete lost" in shown.one("h1").text
    assert shown["data-then"].startswith(f"/environments/new?from={failed.pk}")


def test_after_the_deletion_the_values_can_be_used_again(client: Client, user: User) -> None:
    failed = scenes.rolled_back("lost")
    deletion = request_clean_up(user=user, deployment=scenes.reload(failed))
    Deployment.objects.filter(pk=deletion.pk).update(
        state="succeeded", active_key=None, ended_at=deletion.created_at
    )
    type(deletion.environment).objects.update(deleted_at=deletion.created_at, live_key=None, stack_id="")
    client.force_login(user)

    for pk in (deletion.pk, failed.pk):
        action = page(client.get(f"/deployments/{pk}/")).one(id="main-action")
        assert action.text == "Retry with these values"
        assert action["href"].startswith(f"/environments/new?from={failed.pk}")


def test_who_may_only_look_may_not_clean_up(client: Client) -> None:
    failed = scenes.rolled_back("lost")
    client.force_login(make_user("reader"))

    assert client.post(f"/deployments/{failed.pk}/clean-up").status_code == 403
