"""The metadata of the SAML identity provider, read once with the settings."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def read(path: str) -> str:
    """Return the metadata; "" without a path. Raise OSError, or ImproperlyConfigured without the package."""
    if not path:
        return ""
    if find_spec("onelogin") is None:
        raise ImproperlyConfigured(
            "SANSO_SAML_IDP_METADATA_FILE is set, but python3-saml is not installed. Install it with "
            "pip install --require-hashes -r requirements-saml.lock (docs/sign-in.md)."
        )
    return Path(path).read_text()
