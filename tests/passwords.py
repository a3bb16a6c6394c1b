"""Passwords of test users, hashed without the work that keeps real ones safe."""

from __future__ import annotations

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """Django's own format with one round, so that web processes of their own accept the password too."""

    iterations = 1
