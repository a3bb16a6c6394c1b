"""The generated login of a fresh installation."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from portal.first_login import ensure_first_login, stored_login

pytestmark = [pytest.mark.core, pytest.mark.django_db]


def test_the_stored_password_can_log_in(client: Client, tmp_path: Path) -> None:
    ensure_first_login(tmp_path)

    login = stored_login(tmp_path)
    assert login is not None
    answer = client.post(reverse("login"), {"username": login.username, "password": login.password})
    assert answer.status_code == 302
    assert User.objects.get(username=login.username).is_superuser


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    ensure_first_login(tmp_path)

    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_next_start_uses_the_same_password(tmp_path: Path) -> None:
    ensure_first_login(tmp_path)
    first = stored_login(tmp_path)

    ensure_first_login(tmp_path)

    assert stored_login(tmp_path) == first


def test_a_changed_password_is_no_longer_shown(tmp_path: Path) -> None:
    ensure_first_login(tmp_path)
    user = User.objects.get()
    user.set_password("changed")
    user.save()

    ensure_first_login(tmp_path)

    assert stored_login(tmp_path) is None


def test_an_installation_with_users_gets_no_generated_one(tmp_path: Path) -> None:
    User.objects.create_user("someone")

    ensure_first_login(tmp_path)

    assert stored_login(tmp_path) is None
    assert User.objects.count() == 1
