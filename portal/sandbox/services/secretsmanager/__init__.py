"""Secrets Manager: secrets known by their ARN, generated passwords, and rotation."""

from portal.sandbox.services.secretsmanager import resources


def install() -> None:
    """Put the resource type and the rotation in place."""
    resources.install()
