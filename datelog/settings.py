"""datelog's Django settings. What differs between environments is in configuration.py."""

from typing import Any

from datelog.configuration import Endpoint, current_configuration

DEBUG = False
# No response depends on the Host header, and load balancers send health checks by address: allow any host.
ALLOWED_HOSTS = ["*"]
# Nothing is signed: there are no sessions, messages or tokens.
SECRET_KEY = "datelog signs nothing"  # noqa: S105 - not a secret
INSTALLED_APPS = ["datelog"]
MIDDLEWARE = ["datelog.version.VersionHeader"]
ROOT_URLCONF = "datelog.urls"
WSGI_APPLICATION = "datelog.wsgi.application"
USE_TZ = False  # the column has local times of one zone: see models.py
TIME_ZONE = str(current_configuration().zone)  # of the access log
USE_I18N = False  # the page's few labels are in labels.py

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]


def _database(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "ENGINE": "datelog.mysql",
        "NAME": current_configuration().database,
        "HOST": endpoint.host,
        "PORT": endpoint.port,
        # One persistent connection per thread and endpoint: a handshake costs fifty times as much as a read.
        # With a maximum age, since the reader endpoint may lead to another instance meanwhile.
        "CONN_MAX_AGE": 300,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": current_configuration().connect_timeout,
            "read_timeout": current_configuration().query_timeout,
            "write_timeout": current_configuration().query_timeout,
        },
    }


DATABASES = {
    "default": _database(current_configuration().writer),
    "reader": _database(current_configuration().reader),
}
DATABASE_ROUTERS = ["datelog.routers.WriterAndReader"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # uWSGI's access log has every status already.
    "loggers": {"django": {"handlers": [], "level": "ERROR", "propagate": True}},
}
