"""Login at a SAML provider: account matching, and assertions that are refused."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import reverse
from lxml import etree
from pytest_django import Settings

from deployments.access.models.audit_records import AuditRecord
from deployments.access.models.grants import Grant
from deployments.administration.models.sessions import UserSession
from portal import saml_file
from portal.login import limits
from tests.builders import make_user
from tests.limits import stop_clock
from tests.pages.pages import page
from tests.portal.saml_provider import ENTITY, SamlIdp, begin, post
from tests.services import Redis


@pytest.fixture(scope="module")
def _idp() -> SamlIdp:
    return SamlIdp()


@pytest.fixture
def idp(_idp: SamlIdp, settings: Settings, db: None, redis_server: Redis) -> SamlIdp:
    settings.SANSO_SAML_IDP_METADATA = _idp.metadata()
    settings.SANSO_SAML_NAME = "Example Corp"
    settings.SANSO_SAML_GROUPS = ["ops=operator", "sre=admin"]
    return _idp


def texts(client: Client) -> str:
    return page(client.get(reverse("login"))).one("main").text


def refused(client: Client, response: str) -> bool:
    sent = post(client, response)
    return (
        sent["Location"] == reverse("login")
        and "The login at Example Corp failed" in texts(client)
        and client.get("/environments/").status_code == 302
        and not User.objects.exists()
    )


def test_without_metadata_there_is_no_link_and_no_way(client: Client, db: None) -> None:
    assert "SAML" not in texts(client)
    for name in ("saml_login", "saml_finish", "saml_metadata"):
        assert client.get(reverse(name)).status_code == 404
    assert client.post(reverse("saml_acs")).status_code == 404


def test_the_first_login_creates_a_user_with_the_roles_of_the_groups(idp: SamlIdp, client: Client) -> None:
    assert "Log in with Example Corp" in texts(client)
    assert idp.log_in(client)["Location"] == "/"

    user = User.objects.get()
    assert (user.username, user.has_usable_password()) == ("ana", False)
    assert Grant.objects.get(user=user, source="oidc").role == "operator"
    assert SocialAccount.objects.get().extra_data["issuer"] == ENTITY
    assert UserSession.objects.get().user == user
    assert AuditRecord.objects.filter(action="sign_in", user=user).exists()
    assert client.get("/environments/").status_code == 200


def test_an_account_is_recognized_by_its_name_id(idp: SamlIdp) -> None:
    make_user("local", email="local@example.com")
    idp.log_in(Client(), "ana-1")
    idp.log_in(Client(), "ana-1", user="other", groups=())
    assert not Grant.objects.filter(source="oidc").exists()
    idp.log_in(Client(), "ANA-1", user="local")

    assert set(User.objects.values_list("username", flat=True)) == {"local", "ana", "local-2"}


def test_the_page_to_continue_at_is_kept(idp: SamlIdp, client: Client) -> None:
    request_id = begin(client, next="/deployments/")
    signed = idp.sign(idp.assertion(request_id=request_id))

    assert post(client, idp.response(signed, request_id=request_id))["Location"] == "/deployments/"


@pytest.mark.parametrize(
    "values",
    [
        {"audience": "https://other.example/"},
        {"issuer": "https://other.example/"},
        {"recipient": "https://other.example/acs/"},
        {"age": timedelta(hours=1)},
        {"age": -timedelta(hours=1)},
        {"name_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
        {"name_id": ""},
    ],
    ids=str,
)
def test_a_wrong_assertion_is_refused(idp: SamlIdp, client: Client, values: dict[str, str]) -> None:
    request_id = begin(client)
    signed = idp.sign(idp.assertion(request_id=request_id, **values))  # type: ignore[arg-type]

    assert refused(client, idp.response(signed, request_id=request_id))


def test_a_wrong_or_missing_signature_is_refused(idp: SamlIdp, client: Client) -> None:
    request_id = begin(client)
    plain = idp.assertion(request_id=request_id)
    signed = idp.sign(plain)
    for wrong in (
        plain,
        idp.sign(plain, SamlIdp().pair),
        signed.replace(">ana-1<", ">boss<"),
        signed.replace(">ops<", ">sre<"),
        idp.sign(
            plain,
            sign_algorithm="http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            digest_algorithm="http://www.w3.org/2000/09/xmldsig#sha1",
        ),
    ):
        assert refused(client, idp.response(wrong, request_id=request_id))
    for broken in ("", "x", "PHg+", "A" * 600_000):
        assert refused(client, broken)


def test_an_assertion_is_accepted_once(idp: SamlIdp, client: Client) -> None:
    request_id = begin(client)
    response = idp.response(idp.sign(idp.assertion(request_id=request_id)), request_id=request_id)
    assert post(client, response)["Location"] == "/"
    client.post(reverse("logout"))

    assert post(client, response)["Location"] == reverse("login")
    assert client.get("/environments/").status_code == 302


def test_an_assertion_for_another_browser_is_refused(idp: SamlIdp, client: Client) -> None:
    request_id = begin(Client())
    begin(client)
    response = idp.response(idp.sign(idp.assertion(request_id=request_id)), request_id=request_id)

    assert refused(client, response)


def test_a_login_that_begins_at_the_provider_is_refused_unless_it_is_allowed(
    idp: SamlIdp, client: Client, settings: Settings
) -> None:
    assert refused(client, idp.response(idp.sign(idp.assertion())))

    settings.SANSO_SAML_IDP_INITIATED = True
    foreign = begin(Client())
    signed = idp.sign(idp.assertion(request_id=foreign))
    assert refused(client, idp.response(signed, request_id=foreign))
    assert post(client, idp.response(idp.sign(idp.assertion())))["Location"] == "/"


def test_a_comment_does_not_cut_a_name_id(idp: SamlIdp, client: Client) -> None:
    idp.log_in(Client(), "ana-1")
    idp.log_in(client, "ana-1<!-- -->.evil.example", user="eve")  # canonicalization removes comments

    assert client.session["_auth_user_id"] != str(User.objects.get(username="ana").pk)
    assert SocialAccount.objects.get(user__username="eve").extra_data["subject"] == "ana-1.evil.example"


def test_a_wrapped_signature_proves_nothing(idp: SamlIdp, client: Client) -> None:
    """XML signature wrapping: a signed assertion elsewhere in the document, and another one in its place."""
    request_id = begin(client)
    signed = idp.sign(idp.assertion("eve", request_id=request_id, user="eve"))
    evil = idp.assertion("boss", request_id=request_id, user="boss", groups=("sre",))
    tree = etree.fromstring(signed)
    inside = etree.fromstring(evil)
    signature = tree.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    assert signature is not None
    moved = etree.fromstring(etree.tostring(signature))
    holder = etree.SubElement(moved, "{http://www.w3.org/2000/09/xmldsig#}Object")
    holder.append(etree.fromstring(signed))
    inside.insert(1, moved)
    same_id = etree.fromstring(evil)
    same_id.set("ID", str(tree.get("ID")))
    extensions = f"<samlp:Extensions>{signed}</samlp:Extensions>"
    for wrapped in (
        idp.response(evil, signed, request_id=request_id),
        idp.response(signed, evil, request_id=request_id),
        idp.response(evil, request_id=request_id, extra=extensions),
        idp.response(etree.tostring(inside).decode(), request_id=request_id),
        idp.response(etree.tostring(same_id).decode(), request_id=request_id, extra=extensions),
    ):
        assert refused(client, wrapped)


def test_a_document_type_is_refused(idp: SamlIdp, client: Client) -> None:
    text = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
    assert refused(client, base64.b64encode(text).decode())


def test_only_members_of_allowed_groups_may_log_in(idp: SamlIdp, client: Client, settings: Settings) -> None:
    settings.SANSO_SAML_ALLOWED_GROUPS = ["sre"]

    assert idp.log_in(client)["Location"] == reverse("login")
    assert "it is in none of the allowed groups" in texts(client)
    assert not User.objects.exists()


def test_responses_are_limited_by_address(
    idp: SamlIdp, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_clock(monkeypatch)
    for _ in range(limits.ADDRESS_BURST):
        post(Client(), "guess")

    post(client, "guess")
    assert "Too many failed attempts" in texts(client)


def test_the_metadata_names_where_assertions_are_sent(idp: SamlIdp, client: Client) -> None:
    found = client.get(reverse("saml_metadata"))

    assert b"http://testserver/login/saml/acs/" in found.content
    assert b'WantAssertionsSigned="true"' in found.content


def test_without_the_package_the_start_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "idp.xml"
    path.write_text("<x/>")
    assert saml_file.read(str(path)) == "<x/>"
    monkeypatch.setattr(saml_file, "find_spec", lambda name: None)

    assert saml_file.read("") == ""
    with pytest.raises(ImproperlyConfigured, match="python3-saml is not installed"):
        saml_file.read(str(path))
