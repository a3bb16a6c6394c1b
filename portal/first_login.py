"""The first user of a fresh installation, and its generated password for as long as nobody has changed it."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.models import User

USERNAME = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    username: str
    password: str


def ensure_first_login(folder: Path) -> None:
    """Create an administrator where there is no user yet; forget its password once it was changed."""
    login = remembered_login(folder)
    if not User.objects.exists():
        login = Login(username=USERNAME, password=secrets.token_urlsafe(9))
        remember(folder, login)
        User.objects.create_superuser(login.username, password=login.password)
    elif login is not None:
        user = User.objects.filter(username=login.username).first()
        if user is None or not user.check_password(login.password):
            kept_in(folder).unlink()


def forget(folder: Path, user: User) -> None:
    """Delete the generated login if it is this user's, who has a password of their own now."""
    login = remembered_login(folder)
    if login is not None and login.username == user.get_username():
        kept_in(folder).unlink(missing_ok=True)


def remembered_login(folder: Path) -> Login | None:
    """Return the generated login if it may still be valid."""
    try:
        return Login(**json.loads(kept_in(folder).read_text()))
    except FileNotFoundError:
        return None


def remember(folder: Path, login: Login) -> None:
    """Write the login where only this user may read it."""
    kept_in(folder).unlink(missing_ok=True)
    descriptor = os.open(kept_in(folder), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(login), file)


def kept_in(folder: Path) -> Path:
    return folder / "first-login.json"
