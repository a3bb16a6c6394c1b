"""Enable an authenticator app for a user, once."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.flows import activate_totp
from django.contrib.auth.models import User
from django.db import transaction

from deployments.access.pages.requests import AuthedRequest
from portal.login.codes import mark_used
from portal.login.forms import AppForm


@transaction.atomic
def activate(request: AuthedRequest, form: AppForm) -> Authenticator:
    """Store the secret, and return the user's recovery codes. The code that confirmed it counts as used.

    MySQL has no conditional unique constraints, so the user's row is locked: of two requests at once, the
    later one replaces the app.
    """
    user = User.objects.select_for_update().get(pk=request.user.pk)
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    app, _created = activate_totp(request, form)
    mark_used(app, form.step)
    return RecoveryCodes.activate(user).instance
