"""Log in at a SAML identity provider: python3-saml verifies, and allauth finds or creates the user.

The package is an optional extra (docs/sign-in.md). Assertions must be signed with the key of the provider's
metadata, and name this portal, a request of this browser, and the present time.
https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf, 4.1.4
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from deployments.administration.models.replay_protection import UsedOnce
from deployments.administration.rules.oidc_providers import SAML
from deployments.administration.shared.oidc_providers import saml_rules
from portal.login.oidc import uid_of

try:
    from onelogin.saml2.auth import OneLogin_Saml2_Auth
    from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
    from onelogin.saml2.settings import OneLogin_Saml2_Settings
except ImportError:  # with SAML but without the package, the settings stop the start
    OneLogin_Saml2_Auth = None

MAX_SIZE: Final = 512 * 1024
"""Maximum size in characters of a response."""
MAX_SKEW: Final = timedelta(minutes=6)
"""python3-saml accepts clocks that differ by five minutes: assertions are remembered for longer."""
TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
POST_BINDING: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
_USERNAMES: Final = (
    "username",
    "urn:oid:0.9.2342.19200300.100.1.1",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
)
_EMAILS: Final = (
    "email",
    "mail",
    "urn:oid:0.9.2342.19200300.100.1.3",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
)


class ResponseRefused(Exception):
    """Raised for a response that does not prove the user's identity; its message is for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedAssertion:
    """The content of a verified assertion. `request_id` is the id of its request; "" without one."""

    entity_id: str
    name_id: str
    request_id: str
    username: str
    email: str
    groups: list[str]


class SamlProvider(SAMLProvider):  # type: ignore[misc]  # allauth has no types
    """The provider of the settings."""

    def extract_uid(self, data: VerifiedAssertion) -> str:
        """Return the key of the account: by entity id and NameID, never by name or email address."""
        return uid_of(data.entity_id, data.name_id)

    def extract_extra_data(self, data: VerifiedAssertion) -> dict[str, Any]:
        """Return the data to store with the account."""
        name = data.username or data.email.partition("@")[0] or data.name_id.partition("@")[0]
        return {"issuer": data.entity_id, "subject": data.name_id, "username": name, "groups": data.groups}

    def extract_common_fields(self, data: VerifiedAssertion) -> dict[str, Any]:
        """Return suggestions for a new user. The email address does not identify users."""
        return {"contact": data.email}

    def extract_email_addresses(self, data: VerifiedAssertion) -> list[Any]:
        """Return none: with addresses, allauth would search for other users with them."""
        return []


def provider(request: HttpRequest) -> SamlProvider:
    """Return the provider of the settings."""
    name = settings.SANSO_SAML_NAME
    return SamlProvider(request, app=SocialApp(provider=SAML, provider_id=SAML, name=name, client_id=SAML))


def begin(request: HttpRequest) -> tuple[str, str]:
    """Return the provider's login URL with a request, and the request's id."""
    auth = _auth(request)
    url: str = auth.login(return_to="")
    return url, str(auth.get_last_request_id())


def verify(request: HttpRequest) -> VerifiedAssertion:
    """Return the verified assertion in a response. Each is accepted once. Raise ResponseRefused."""
    text = request.POST.get("SAMLResponse", "")
    if not text or len(text) > MAX_SIZE:
        raise ResponseRefused("no response, or a too long one")
    auth = _auth(request)
    try:
        auth.process_response()  # the caller checks the id of its request
    except Exception as exc:  # hostile documents may raise any exception in the parsers
        raise ResponseRefused(f"{type(exc).__name__}: {exc}") from exc
    if auth.get_errors() or not auth.is_authenticated():
        raise ResponseRefused(
            auth.get_last_error_reason() or ", ".join(auth.get_errors()) or "not authenticated"
        )
    name_id = str(auth.get_nameid() or "")
    if not name_id or auth.get_nameid_format() == TRANSIENT:
        raise ResponseRefused("without a lasting NameID nobody can be recognized")
    expiry = auth.get_last_assertion_not_on_or_after()
    until = datetime.fromtimestamp(expiry, UTC) if expiry else timezone.now() + timedelta(days=1)
    entity_id = _idp()["entityId"]
    if not UsedOnce.objects.use("saml", entity_id, str(auth.get_last_assertion_id()), until + MAX_SKEW):
        raise ResponseRefused("the assertion was used before")
    return _assertion(auth, entity_id, name_id)


def sociallogin(request: HttpRequest, found: VerifiedAssertion) -> SocialLogin:
    """Return the login of an assertion's user."""
    return provider(request).sociallogin_from_response(request, found)


def metadata(request: HttpRequest) -> bytes:
    """Return the portal's metadata, for the provider."""
    found = OneLogin_Saml2_Settings(_configuration(request), sp_validation_only=True).get_sp_metadata()
    return found if isinstance(found, bytes) else str(found).encode()


def stored(found: VerifiedAssertion) -> dict[str, Any]:
    """Return an assertion in the form for a session; `VerifiedAssertion(**…)` reads it."""
    return asdict(found)


def _assertion(auth: Any, entity_id: str, name_id: str) -> VerifiedAssertion:
    attributes: dict[str, list[str]] = auth.get_attributes()

    def first(names: tuple[str, ...]) -> str:
        return next((str(attributes[name][0]) for name in names if attributes.get(name)), "")

    return VerifiedAssertion(
        entity_id=entity_id,
        name_id=name_id,
        request_id=str(auth.get_last_response_in_response_to() or ""),
        username=first((settings.SANSO_SAML_USERNAME_ATTRIBUTE, *_USERNAMES)),
        email=first(_EMAILS),
        groups=[str(one) for one in attributes.get(saml_rules().group_claim, [])],
    )


def _auth(request: HttpRequest) -> Any:
    about = {
        "https": "on" if request.is_secure() else "off",
        "http_host": request.get_host(),
        "script_name": request.path,
        "get_data": {},
        "post_data": request.POST.dict(),
    }
    return OneLogin_Saml2_Auth(about, _configuration(request))


def _idp() -> dict[str, Any]:
    """Return the provider: its entity id, the URL of its logins, and its certificates."""
    found: dict[str, Any] = OneLogin_Saml2_IdPMetadataParser.parse(settings.SANSO_SAML_IDP_METADATA)["idp"]
    return found


def _configuration(request: HttpRequest) -> dict[str, Any]:
    """Return the settings for python3-saml. https://github.com/SAML-Toolkits/python3-saml#settings"""
    metadata_url = request.build_absolute_uri(reverse("saml_metadata"))
    return {
        "strict": True,
        "idp": _idp(),
        "sp": {
            "entityId": settings.SANSO_SAML_ENTITY_ID or metadata_url,
            "assertionConsumerService": {
                "url": request.build_absolute_uri(reverse("saml_acs")),
                "binding": POST_BINDING,
            },
            "NameIDFormat": "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified",
        },
        "security": {
            "wantAssertionsSigned": True,
            "wantNameId": True,
            "wantAttributeStatement": False,
            "allowRepeatAttributeName": True,
            "rejectDeprecatedAlgorithm": True,
            "requestedAuthnContext": False,
            "allowSingleLabelDomains": True,
        },
    }
