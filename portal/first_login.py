"""The first user of a new installation, and its generated password until it is changed."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.models import User

USERNAME = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstLogin:
    username: str
    password: str


def ensure_first_login(folder: Path) -> None:
    """Create an administrator if there is no user yet; delete the stored password once it was changed."""
    login = stored_login(folder)
    if not User.objects.exists():
        login = FirstLogin(username=USERNAME, password=secrets.token_urlsafe(9))
        store(folder, login)
        User.objects.create_superuser(login.username, password=login.password)
    elif login is not None:
        user = User.objects.filter(username=login.username).first()
        if user is None or not user.check_password(login.password):
            path_in(folder).unlink()


def forget(folder: Path, user: User) -> None:
    """Delete the generated login if it is this user's, whose password has changed."""
    login = stored_login(folder)
    if login is not None and login.username == user.get_username():
        path_in(folder).unlink(missing_ok=True)


def stored_login(folder: Path) -> FirstLogin | None:
    """Return the generated login if it may still be valid."""
    try:
        return FirstLogin(**json.loads(path_in(folder).read_text()))
    except FileNotFoundError:
        return None


def store(folder: Path, login: FirstLogin) -> None:
    """Write the login to a file that only its owner can read."""
    path_in(folder).unlink(missing_ok=True)
    descriptor = os.open(path_in(folder), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(login), file)


def path_in(folder: Path) -> Path:
    return folder / "first-login.json"
