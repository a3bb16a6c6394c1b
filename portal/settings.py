"""Every setting of the portal, read from the environment. `.env.example` lists the variables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ
from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from deployments.administration.rules.identity_groups import memberships
from portal import oidc_file, saml_file, secret_file, version

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")

SANSO_VERSION = version.version_of(BASE_DIR)
DATA_DIR = Path(env.str("SANSO_DATA_DIR", default=str(BASE_DIR / ".sanso")))


# The default is never shared: each data folder has its own key.
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_file.read_or_create(DATA_DIR / "secret-key", 64)
# https://docs.djangoproject.com/en/5.2/ref/settings/#secret-key-fallbacks
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    # Before the portal, which replaces their pages of the admin. The others have no routes.
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "portal",  # before the admin, whose templates it replaces
    "portal.admin_config.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "deployments",
]

MIDDLEWARE = [
    "portal.request_ids.RequestIds",  # first, so that every line of a request has its id
    "django.middleware.security.SecurityMiddleware",
    "portal.static_files.page_bundles",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.no_store.no_store",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "portal.request_context.time_zone",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.request_context.request_context_middleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.login.sessions.note_use",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "deployments.common.deadlocks.RepeatAfterDeadlock",  # last: it calls the view
]

# Never unpickle data from outside this process: a pickle can run code.
# https://docs.djangoproject.com/en/5.2/topics/http/sessions/#session-serialization
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
# No cache is used: every Django cache backend that stores values pickles them.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [("django.template.loaders.cached.Loader", ["portal.template_loader.Loader"])],
            "builtins": ["portal.templatetags.ui"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- database -----------------------------------------------------------------------------------
# SQLite: without WAL and IMMEDIATE, concurrent writers fail at once with "database is locked".
# https://docs.djangoproject.com/en/5.2/ref/databases/#sqlite-transaction-behavior
_SQLITE = {
    "timeout": 20,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;",
}
# MySQL: compare-and-set updates rely on READ COMMITTED.
# https://docs.djangoproject.com/en/5.2/ref/databases/#mysql-isolation-level
_MYSQL = {"isolation_level": "read committed", "charset": "utf8mb4", "connect_timeout": 5}
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'sanso.sqlite3'}")}
DATABASES["default"]["OPTIONS"] = {
    **(_SQLITE if "sqlite" in DATABASES["default"]["ENGINE"] else _MYSQL),
    **DATABASES["default"].get("OPTIONS", {}),
}
# mysqlclient has no option for this file alone: https://mysqlclient.readthedocs.io/user_guide.html
if "ssl_ca" in DATABASES["default"]["OPTIONS"]:
    DATABASES["default"]["OPTIONS"]["ssl"] = {"ca": DATABASES["default"]["OPTIONS"].pop("ssl_ca")}
# Persistent connections leak under ASGI: https://docs.djangoproject.com/en/5.2/ref/databases/#caveats
# Workers and the dispatcher keep theirs (deployments/common/kept_connections.py).
DATABASES["default"]["CONN_MAX_AGE"] = 0

# --- Redis and Celery ---------------------------------------------------------------------------
# https://docs.celeryq.dev/en/stable/userguide/configuration.html


def default_redis_url(data: Path) -> str:
    """Return the URL of the Redis that `make run` started with a data folder, else of one on this machine."""
    own = data / "redis" / "redis.sock"
    return f"unix://{quote(str(own))}?db=0" if own.is_socket() else "redis://127.0.0.1:6379/0"


REDIS_URL = env.str("REDIS_URL", default=default_redis_url(DATA_DIR))


def broker_url(url: str) -> str:
    """Return a Redis URL in Celery's format, which differs for Unix sockets (unix:///PATH?db=N).

    With TLS, Celery does not verify the server's certificate unless its URL says so; the portal's other
    connections do.

    https://docs.celeryq.dev/en/stable/getting-started/backends-and-brokers/redis.html
    """
    if url.startswith("rediss://") and "ssl_cert_reqs=" not in url:
        return f"{url}{'&' if '?' in url else '?'}ssl_cert_reqs=required"
    if not url.startswith("unix://"):
        return url
    return url.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=", 1)


CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
# Otherwise anyone who can write to Redis could shut workers down and read their settings.
# https://docs.celeryq.dev/en/stable/userguide/configuration.html#worker-enable-remote-control
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Celery would close the database's connections before and after each task, whatever Django's settings are.
CELERY_DB_REUSE_MAX = sys.maxsize
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Do not wait for the broker: the due row is the retry.
CELERY_TASK_PUBLISH_RETRY = False
# Without the two restore options, lost messages are restored only about every 100 s.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "global_keyprefix": "sanso:",
    # Timeouts of publishers when the broker hangs; celery_app removes them for the worker: its reads block.
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}

# --- what is deployed, and where ----------------------------------------------------------------
# A folder with a root template and its nested templates; a team can provide its own.
SANSO_TEMPLATE_SET = Path(env.str("SANSO_TEMPLATE_SET", default=str(BASE_DIR / "infra_templates")))
# Networks whose addresses template sets may be fetched from although they are not public, also over http:
# a Git server of the company. Loopback, link-local and private addresses are refused otherwise.
SANSO_SOURCE_ADDRESSES = env.list("SANSO_SOURCE_ADDRESSES", default=[])
# Folders of this machine in which local repositories and folders of template sets may be. Users who manage
# template sets can read the files of those folders.
SANSO_LOCAL_SOURCES = env.list("SANSO_LOCAL_SOURCES", default=[])
# Networks whose addresses webhooks may be sent to although they are not public, also over http.
SANSO_NOTIFY_ADDRESSES = env.list("SANSO_NOTIFY_ADDRESSES", default=[])
# The services that notifications may be sent to through apprise; all of these use TLS. Those for any HTTP
# server (json, xml, form) are left out: webhooks are signed and repeated.
# https://appriseit.com/services/
SANSO_NOTIFY_SCHEMES = env.list(
    "SANSO_NOTIFY_SCHEMES",
    default=[
        *("slack", "workflows", "discord", "gchat", "mmosts", "pagerduty", "opsgenie", "matrixs", "ntfys"),
        "mailtos",
    ],
)
# The mail server of notifications, such as smtp+tls://user:password@smtp.example.com:587; without one, there
# is no email. https://django-environ.readthedocs.io/en/latest/types.html#environ-env-email-url
SANSO_MAIL = bool(env.str("EMAIL_URL", default=""))
vars().update(env.email_url("EMAIL_URL") if SANSO_MAIL else {})
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("SANSO_MAIL_FROM", default="Sanso <sanso@localhost>")
# The address of the portal, for links in notifications.
SANSO_URL = env.str("SANSO_URL", default="")
SANSO_STACK_PREFIX = env.str("SANSO_STACK_PREFIX", default="sanso-")
# Capabilities that the portal acknowledges for templates.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
SANSO_CAPABILITIES = env.list(
    "SANSO_CAPABILITIES", default=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
)
# The portal's identity on AWS, and the address of account.yaml in S3, for the command and the quick-create
# link that create the roles of an account.
SANSO_PORTAL_PRINCIPAL = env.str("SANSO_PORTAL_PRINCIPAL", default="")
SANSO_ACCOUNT_TEMPLATE_URL = env.str("SANSO_ACCOUNT_TEMPLATE_URL", default="")
# Reads per second for each service of an account and region, over all workers. AWS publishes few of its
# limits; ELB's is 10 per second for all users of the account, including the console and other tools.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html
SANSO_AWS_READS_PER_SECOND = env.float("SANSO_AWS_READS_PER_SECOND", default=2.0)
# The sandbox has no other users and runs ten times as fast: each deployment is polled every second with a
# dozen calls, and three at once should keep up.
SANSO_SANDBOX_READS_PER_SECOND = env.float("SANSO_SANDBOX_READS_PER_SECOND", default=40.0)
# The bearer token of the sandbox's control API; the sandbox creates the file in its data folder.
SANSO_SANDBOX_TOKEN_FILE = env.str("SANSO_SANDBOX_TOKEN_FILE", default=str(DATA_DIR / "sandbox" / "token"))


def default_sandbox_url(token_file: Path) -> str:
    """Return the URL of the sandbox that has this token, whatever its port; else the usual one.

    `make run` takes another port if the usual one is in use, and passes it only to its own processes.
    """
    try:
        return (token_file.parent / "url").read_text().strip()
    except OSError:
        return "http://127.0.0.1:4567"


SANSO_SANDBOX_URL = env.str("SANSO_SANDBOX_URL", default=default_sandbox_url(Path(SANSO_SANDBOX_TOKEN_FILE)))
# Lease in seconds: a step that has not reported back within it is repeated by another worker.
SANSO_TICK_LEASE = env.float("SANSO_TICK_LEASE", default=30.0)
# Seconds on AWS for which the first server of a release is watched before the others follow.
SANSO_RELEASE_WATCH = env.float("SANSO_RELEASE_WATCH", default=120.0)
SANSO_DISPATCH_INTERVAL = env.float("SANSO_DISPATCH_INTERVAL", default=0.5)
# Maximum number of open event streams. Only visible tabs have one, and without HTTP/2 a browser opens at most
# six connections to a server: twenty are more than one browser needs. A user with several browsers can use a
# fifth of a process. 500 streams cost a process 60 MiB, and one thread each (docs/production.md).
SANSO_STREAMS_PER_SESSION = env.int("SANSO_STREAMS_PER_SESSION", default=20)
SANSO_STREAMS_PER_USER = env.int("SANSO_STREAMS_PER_USER", default=100)
SANSO_STREAMS_PER_PROCESS = env.int("SANSO_STREAMS_PER_PROCESS", default=500)
# API requests per minute: with one token; from one address, which several programs may share; and from an
# address without a valid token.
SANSO_API_REQUESTS_PER_TOKEN = env.int("SANSO_API_REQUESTS_PER_TOKEN", default=600)
SANSO_API_REQUESTS_PER_ADDRESS = env.int("SANSO_API_REQUESTS_PER_ADDRESS", default=3000)
SANSO_API_WRONG_TOKENS = env.int("SANSO_API_WRONG_TOKENS", default=30)
# Days to keep the health history of environments; after one day, only the worst status of every ten minutes.
SANSO_HEALTH_DAYS = env.int("SANSO_HEALTH_DAYS", default=30)
# The AWS call log of each deployment: its largest size in bytes, compressed, and the days to keep it; 0 for
# either keeps none (docs/support-bundle.md).
SANSO_CALL_LOG_BYTES = env.int("SANSO_CALL_LOG_BYTES", default=2_000_000)
SANSO_CALL_LOG_DAYS = env.int("SANSO_CALL_LOG_DAYS", default=30)
# Days to keep audit records; 0 keeps them forever. The second is the file to which dispatchers append the
# daily anchor of the chain (docs/audit.md).
SANSO_AUDIT_DAYS = env.int("SANSO_AUDIT_DAYS", default=0)
SANSO_AUDIT_ANCHORS = env.str("SANSO_AUDIT_ANCHORS", default=str(DATA_DIR / "audit-anchors.txt"))

# --- security -----------------------------------------------------------------------------------
# https://docs.djangoproject.com/en/5.2/howto/deployment/checklist/
SANSO_HTTPS = env.bool("SANSO_HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SANSO_HTTPS
SESSION_COOKIE_AGE = 8 * 3600
SECURE_SSL_REDIRECT = SANSO_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if SANSO_HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SANSO_HTTPS else None
SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]
X_FRAME_OPTIONS = "DENY"
# https://django-csp.readthedocs.io/en/latest/configuration.html
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# With this bearer token a scraper may read /metrics; without one, only the sessions of superusers may.
SANSO_METRICS_TOKEN = env.str("SANSO_METRICS_TOKEN", default="")
# Logins that a web process handles at once, and as many again for known browsers; 0 means half of its cores.
# Each uses a core for a third of a second.
SANSO_LOGINS_AT_ONCE = env.int("SANSO_LOGINS_AT_ONCE", default=0)
# Days for which the link of an invitation is valid.
SANSO_INVITATION_DAYS = env.int("SANSO_INVITATION_DAYS", default=7)
# allauth's own limits need a shared cache; the portal's are in portal/login/limits.py.
# https://docs.allauth.org/en/latest/account/configuration.html
ACCOUNT_ADAPTER = "portal.login.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # for a check of allauth: signup is closed
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = False
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
# https://docs.allauth.org/en/latest/mfa/configuration.html
# MySQL has no conditional unique constraints; portal/login/security.py locks the user's row instead.
SILENCED_SYSTEM_CHECKS = ["models.W036"]
MFA_ADAPTER = "portal.login.adapters.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Sanso"
MFA_TOTP_TOLERANCE = 1  # clocks may differ by half a minute
MFA_RECOVERY_CODE_DIGITS = 10
MFA_RECOVERY_CODES_SHOW_ONCE = True
# The identity provider, by OpenID Connect; none while the issuer is empty (docs/sign-in.md).
SANSO_OIDC_ISSUER = env.str("SANSO_OIDC_ISSUER", default="")
SANSO_OIDC_CLIENT_ID = env.str("SANSO_OIDC_CLIENT_ID", default="")
SANSO_OIDC_CLIENT_SECRET = secret_file.given(
    env.str("SANSO_OIDC_CLIENT_SECRET", default=""), env.str("SANSO_OIDC_CLIENT_SECRET_FILE", default="")
)
SANSO_OIDC_NAME = env.str("SANSO_OIDC_NAME", default="") or "SSO"
SANSO_OIDC_SCOPES = env.list("SANSO_OIDC_SCOPES", default=["openid", "profile", "email"])
SANSO_OIDC_GROUP_CLAIM = env.str("SANSO_OIDC_GROUP_CLAIM", default="groups")
SANSO_OIDC_ALLOWED_GROUPS = env.list("SANSO_OIDC_ALLOWED_GROUPS", default=[])
SANSO_OIDC_GROUPS = env.list("SANSO_OIDC_GROUPS", default=[])
# Further providers: a TOML file with a table each (docs/sign-in.md).
SANSO_OIDC_MORE = oidc_file.read(
    env.str("SANSO_OIDC_PROVIDERS_FILE", default=""), first_issuer=SANSO_OIDC_ISSUER
)
memberships((), SANSO_OIDC_GROUPS)  # an invalid entry stops the start, not a login
SANSO_OIDC_CHECK_SECONDS = env.float("SANSO_OIDC_CHECK_SECONDS", default=300.0)
# A SAML identity provider; none without the file with its metadata (docs/sign-in.md).
SANSO_SAML_IDP_METADATA = saml_file.read(env.str("SANSO_SAML_IDP_METADATA_FILE", default=""))
SANSO_SAML_NAME = env.str("SANSO_SAML_NAME", default="") or "SSO (SAML)"
SANSO_SAML_ENTITY_ID = env.str("SANSO_SAML_ENTITY_ID", default="")
SANSO_SAML_USERNAME_ATTRIBUTE = env.str("SANSO_SAML_USERNAME_ATTRIBUTE", default="")
SANSO_SAML_GROUP_ATTRIBUTE = env.str("SANSO_SAML_GROUP_ATTRIBUTE", default="groups")
SANSO_SAML_ALLOWED_GROUPS = env.list("SANSO_SAML_ALLOWED_GROUPS", default=[])
SANSO_SAML_GROUPS = env.list("SANSO_SAML_GROUPS", default=[])
memberships((), SANSO_SAML_GROUPS)
SANSO_SAML_IDP_INITIATED = env.bool("SANSO_SAML_IDP_INITIATED", default=False)
# https://docs.allauth.org/en/latest/socialaccount/configuration.html
SOCIALACCOUNT_ADAPTER = "portal.login.accounts.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

# --- language, time, files ----------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ja", _("Japanese"))]
LOCALE_PATHS = [BASE_DIR / "portal" / "locale"]
TIME_ZONE = env.str("SANSO_TIME_ZONE", default="UTC")
USE_TZ = True
STATIC_URL = "static/"
# The scripts and styles of each package, whose addresses do not have the package's name.
STATICFILES_DIRS = [("deployments", str(folder)) for folder in sorted(BASE_DIR.glob("deployments/*/static"))]
# The web process serves static files directly from the apps, and the bundles of pages (portal/bundles.py): no
# collectstatic, no second server.
# https://whitenoise.readthedocs.io/en/stable/django.html#WHITENOISE_USE_FINDERS
WHITENOISE_USE_FINDERS = True

# line: for people; json: one object for each record, for a log store.
SANSO_LOG_FORMAT = env.str("SANSO_LOG_FORMAT", default="line")
# https://www.structlog.org/en/stable/standard-library.html#rendering-using-structlog-based-formatters-within-logging
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "one_line": {"()": "portal.forbidden.OneLine"},
        "redact_arguments": {"()": "portal.logs.RedactArguments"},
    },
    "formatters": {"chosen": {"()": "portal.logs.formatter", "kind": SANSO_LOG_FORMAT}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "chosen",
            "filters": ["redact_arguments"],
        }
    },
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # botocore logs request bodies at DEBUG, and these contain parameters.
    "loggers": {
        "botocore": {"level": "INFO"},
        "boto3": {"level": "INFO"},
        "urllib3": {"level": "INFO"},
        "django.request": {"filters": ["one_line"]},
        "django.security.csrf": {"filters": ["one_line"]},
        # uvicorn's own handlers have another format, and its request lines contain queries.
        "uvicorn": {"handlers": [], "level": "INFO", "propagate": True},
        "uvicorn.access": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
