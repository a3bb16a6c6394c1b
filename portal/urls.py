"""Routes of the whole portal."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from portal import views
from portal.jump import jump
from portal.login import invitations, oidc_pages, passkey_pages, saml_pages, security, sessions
from portal.login.views import LoginPage, PasswordPage, code_page
from portal.metrics.views import metrics
from portal.sandbox_console import views as sandbox_console
from portal.support.views import first_contact_archive, support_bundle

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="environments"), name="home"),
    path("", include("deployments.urls")),
    path("jump/", jump, name="jump"),
    path("settings/", views.settings_page, name="settings"),
    path("login/", LoginPage.as_view(), name="login"),
    path("login/", LoginPage.as_view(), name="account_login"),  # allauth's name for it
    path("login/code/", code_page, name="mfa_authenticate"),
    path("login/passkey/", passkey_pages.passkey_login, name="passkey_login"),
    path("login/passkey/options/", passkey_pages.passkey_options, name="passkey_options"),
    path("login/oidc/", oidc_pages.oidc_login, name="oidc_login"),
    path("login/oidc/callback/", oidc_pages.oidc_callback, name="oidc_callback"),
    path("login/oidc/logout/", oidc_pages.oidc_logout, name="oidc_logout"),
    path("login/oidc/<slug:provider>/logout/", oidc_pages.oidc_logout, name="oidc_logout_at"),
    path("login/oidc/<slug:provider>/", oidc_pages.oidc_login, name="oidc_login_at"),
    path("login/oidc/<slug:provider>/callback/", oidc_pages.oidc_callback, name="oidc_callback_at"),
    path("login/saml/", saml_pages.saml_login, name="saml_login"),
    path("login/saml/acs/", saml_pages.saml_acs, name="saml_acs"),
    path("login/saml/finish/", saml_pages.saml_finish, name="saml_finish"),
    path("login/saml/metadata/", saml_pages.saml_metadata, name="saml_metadata"),
    path("invitation/", invitations.accept_page, name="invitation"),
    path("account/security/", security.security_page, name="account_security"),
    path("account/security/confirm/", security.confirm_page, name="account_reauthenticate"),
    path("account/security/confirm/passkey/", passkey_pages.confirm, name="account_reauthenticate_passkey"),
    path("account/security/app/", security.app_page, name="account_app"),
    path("account/security/app/remove/", security.remove_app_page, name="account_app_remove"),
    path("account/security/recovery-codes/", security.codes_page, name="account_recovery_codes"),
    path("account/security/passkeys/", passkey_pages.add_page, name="account_passkey_add"),
    path("account/security/passkeys/options/", passkey_pages.add_options, name="account_passkey_options"),
    path("account/security/passkeys/<int:pk>/", passkey_pages.rename_page, name="account_passkey"),
    path(
        "account/security/passkeys/<int:pk>/remove/", passkey_pages.remove_page, name="account_passkey_remove"
    ),
    path("account/security/sessions/<int:pk>/end/", sessions.end_session, name="account_session_end"),
    path("account/security/sessions/end-others/", sessions.end_others, name="account_sessions_end"),
    path(
        "accounts/<int:pk>/first-contact/<int:run>/archive",
        first_contact_archive,
        name="first_contact_archive",
    ),
    path("deployments/<int:pk>/support-bundle", support_bundle, name="support_bundle"),
    path("password/", PasswordPage.as_view(), name="password_change"),
    path("logout/", views.LogoutPage.as_view(), name="logout"),
    path("language/", login_not_required(set_language), name="set_language"),
    path("sandbox/", sandbox_console.sandbox_page, name="sandbox"),
    path("sandbox/machines/<slug:instance>/", sandbox_console.sandbox_machine, name="sandbox_machine"),
    path("sandbox/machines/<slug:instance>/log", sandbox_console.sandbox_log, name="sandbox_log"),
    path("sandbox/databases/<slug:cluster>/", sandbox_console.sandbox_database, name="sandbox_database"),
    path("sandbox/remove-faults", sandbox_console.sandbox_remove_faults, name="sandbox_remove_faults"),
    # Browsers request it here on pages without an icon: the admin's, error pages.
    path("favicon.ico", login_not_required(RedirectView.as_view(url=static("portal/favicon.svg")))),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    # Instead of the admin's own pages, which have no limits.
    path("admin/login/", views.admin_login),
    path("admin/password_change/", RedirectView.as_view(pattern_name="password_change")),
    path("admin/", admin.site.urls),
]
handler400 = "portal.views.bad_request"
handler403 = "portal.views.forbidden"
handler404 = "portal.views.not_found"
handler500 = "portal.views.broken"
