"""datelog's Django settings: what the app needs and no more. All that differs is in configuration.py."""

from typing import Any

from datelog.configuration import Endpoint, configured

DEBUG = False
# No page is built from the Host header, and load balancers probe by address: any host may ask.
ALLOWED_HOSTS = ["*"]
# Nothing is signed and nobody logs in: no session, message or token is made with a key.
SECRET_KEY = "datelog signs nothing"  # noqa: S105 - not a secret
INSTALLED_APPS = ["datelog"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "datelog.urls"
WSGI_APPLICATION = "datelog.wsgi.application"
USE_TZ = False  # the column holds wall-clock times of one zone, see models.py
TIME_ZONE = str(configured().zone)  # of the access log
USE_I18N = False  # the page's few words are in words.py

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]


def _database(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "ENGINE": "datelog.mysql",
        "NAME": configured().database,
        "HOST": endpoint.host,
        "PORT": endpoint.port,
        # One connection a thread and endpoint, kept: the handshake costs fifty times what a read does.
        # Not for ever: behind the reader endpoint another instance may stand by now.
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": configured().connect_timeout,
            "read_timeout": configured().query_timeout,
            "write_timeout": configured().query_timeout,
        },
    }


DATABASES = {"default": _database(configured().writer), "reader": _database(configured().reader)}
DATABASE_ROUTERS = ["datelog.routers.WriterAndReader"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # The access log has every status already.
    "loggers": {"django": {"handlers": [], "level": "ERROR", "propagate": True}},
}
