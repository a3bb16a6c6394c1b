"""The login page and the page that changes the password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _

from portal.first_login import forget
from portal.login import devices
from portal.login.forms import WAIT, LoginForm, PasswordForm


class LoginPage(LoginView):
    """Django's login with limits: 422 for a wrong password, 429 if the user must wait."""

    form_class = LoginForm
    redirect_authenticated_user = True

    def form_valid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override]  # our own form class
        """Log the user in, and remember the browser."""
        response = super().form_valid(form)
        devices.remember(response, self.request, form.get_user())
        return response

    def form_invalid(self, form: LoginForm) -> HttpResponse:  # type: ignore[override]  # our own form class
        """Show the form with its errors."""
        return with_status(super().form_invalid(form), form)

    def get_redirect_url(self) -> str:  # type: ignore[override]  # the stubs name a parameter that is gone
        """Return the URL in `next`, "" if it is this page, which would redirect forever."""
        url = super().get_redirect_url()
        return "" if urlsplit(url).path == reverse("login") else url


class PasswordPage(PasswordChangeView):
    """Django's password change with limits. The user's other sessions end."""

    form_class = PasswordForm
    template_name = "registration/password.html"
    success_url = reverse_lazy("home")

    def get_form(self, form_class: type[Any] | None = None) -> Any:
        """Return the form, which counts the attempts of this session."""
        form: Any = super().get_form(form_class)
        form.request = self.request
        return form

    def form_valid(self, form: Any) -> HttpResponse:
        """Save the new password. A generated one is no longer displayed."""
        response = super().form_valid(form)
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
