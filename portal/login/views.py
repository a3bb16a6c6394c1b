"""The login page and the page that changes the password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.stages import AuthenticateStage
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from deployments.access.models.tokens import ApiToken
from deployments.administration.shared.oidc_providers import all_providers
from portal.first_login import forget, stored_login
from portal.login import sessions
from portal.login.adapters import passkeys_possible
from portal.login.forms import WAIT, CodeForm, LoginForm, PasswordForm
from portal.login.oidc import login_path


class LoginPage(LoginView):
    """Django's page with limits: 422 for a wrong password, 429 if the user must wait.

    After the password, allauth's stages follow: the code of the second factor, if the user has one.
    """

    form_class = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override]  # our own form class
        """Log the user in, or continue with the second factor first."""
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        response: HttpResponse = perform_password_login(self.request, {}, login)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the context of the page besides the form."""
        providers = [(one.name, login_path(one)) for one in all_providers()]
        if settings.SANSO_SAML_IDP_METADATA:
            providers.append((settings.SANSO_SAML_NAME, reverse("saml_login")))
        more: dict[str, Any] = {
            "providers": providers,
            "next_query": urlencode({"next": self.get_redirect_url()}),
        }
        more["is_new"] = stored_login(settings.DATA_DIR) is not None
        return super().get_context_data(passkeys_possible=passkeys_possible(self.request), **more, **kwargs)

    def form_invalid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override]  # our own form class
        """Show the form with its errors."""
        return with_status(super().form_invalid(form), form)

    def get_redirect_url(self) -> str:  # type: ignore[override]  # the stubs name a parameter that is gone
        """Return the URL in `next`; "" if it is this page, which would redirect forever."""
        url = super().get_redirect_url()
        return "" if urlsplit(url).path == reverse("login") else url


@require_http_methods(["GET", "POST"])
@login_stage_required(stage=AuthenticateStage.key, redirect_urlname="login")  # type: ignore[untyped-decorator]
def code_page(request: HttpRequest) -> HttpResponse:
    """Ask for a code after the password; without a login that has begun, redirect to its page."""
    stage: AuthenticateStage = request._login_stage  # type: ignore[attr-defined]
    form = CodeForm(request.POST or None, request=request, user=stage.login.user)
    if form.is_valid():
        post_authentication(request, form.authenticator)
        response: HttpResponse = stage.exit()
        return response
    has_passkey = passkeys_possible(request) and is_mfa_enabled(form.user, [Authenticator.Type.WEBAUTHN])
    page = render(request, "registration/code.html", {"form": form, "has_passkey": has_passkey})
    return with_status(page, form) if form.is_bound else page


class PasswordPage(PasswordChangeView):
    """Django's password change with limits. The user's other sessions end."""

    form_class = PasswordForm
    template_name = "registration/password.html"
    success_url = reverse_lazy("home")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the context, with the number of the user's API tokens, which stay valid."""
        mine = ApiToken.objects.of(self.request.user.pk or 0)
        return super().get_context_data(tokens=mine.usable(timezone.now()).count(), **kwargs)

    def get_form(self, form_class: type[Any] | None = None) -> Any:
        """Return the form, which counts the attempts of this session."""
        form: Any = super().get_form(form_class)
        form.request = self.request
        return form

    def form_valid(self, form: Any) -> HttpResponse:
        """Save the new password. A generated one is no longer displayed."""
        earlier = str(self.request.session.session_key)
        response = super().form_valid(form)
        sessions.renamed(self.request, earlier)
        forget(settings.DATA_DIR, form.user)
        messages.success(self.request, _("Password changed. Your other sessions were logged out."))
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Show the form with its errors."""
        return with_status(super().form_invalid(form), form)


def with_status(response: HttpResponse, form: Any) -> HttpResponse:
    """Return the response with status 422, or 429 and the seconds to wait if the form has that error."""
    response.status_code = 422
    for error in (one for errors in form.errors.as_data().values() for one in errors):
        if error.code == WAIT:
            response.status_code = 429
            response.headers["Retry-After"] = str(error.params["seconds"])
    return response
