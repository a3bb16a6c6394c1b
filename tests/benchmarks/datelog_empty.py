"""A Django project with an empty view, to measure the cost of the framework and uWSGI without datelog."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=[],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY="nothing is signed",
    USE_I18N=False,
)


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"", content_type="text/plain", headers={"Content-Length": "0"})


urlpatterns = [path("read", empty)]

application = get_wsgi_application()
