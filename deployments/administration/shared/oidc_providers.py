"""The OpenID Connect providers of the settings: the one in the variables, and those in the file."""

from __future__ import annotations

from django.conf import settings

from deployments.administration.rules.oidc_providers import FIRST, SAML, OidcProvider


def all_providers() -> tuple[OidcProvider, ...]:
    """Return every provider, in the order of the login page."""
    first = _of_variables()
    return (first, *settings.SANSO_OIDC_MORE) if first else tuple(settings.SANSO_OIDC_MORE)


def provider_of(provider_id: str) -> OidcProvider | None:
    """Return the provider with an id; None if the settings have none."""
    return next((one for one in all_providers() if one.id == provider_id), None)


def rules_of(provider_id: str) -> OidcProvider | None:
    """Return the group rules of an account's provider, including SAML; None if there is no such provider."""
    if provider_id == SAML:
        return saml_rules() if settings.SANSO_SAML_IDP_METADATA else None
    return provider_of(provider_id)


def saml_rules() -> OidcProvider:
    """Return the SAML provider's group rules in the same form as the others."""
    return OidcProvider(
        id=SAML,
        name=settings.SANSO_SAML_NAME,
        issuer="",
        client_id="",
        group_claim=settings.SANSO_SAML_GROUP_ATTRIBUTE,
        allowed_groups=tuple(settings.SANSO_SAML_ALLOWED_GROUPS),
        groups=tuple(settings.SANSO_SAML_GROUPS),
    )


def _of_variables() -> OidcProvider | None:
    if not settings.SANSO_OIDC_ISSUER:
        return None
    return OidcProvider(
        id=FIRST,
        name=settings.SANSO_OIDC_NAME,
        issuer=settings.SANSO_OIDC_ISSUER,
        client_id=settings.SANSO_OIDC_CLIENT_ID,
        client_secret=settings.SANSO_OIDC_CLIENT_SECRET,
        scopes=tuple(settings.SANSO_OIDC_SCOPES),
        group_claim=settings.SANSO_OIDC_GROUP_CLAIM,
        allowed_groups=tuple(settings.SANSO_OIDC_ALLOWED_GROUPS),
        groups=tuple(settings.SANSO_OIDC_GROUPS),
    )
