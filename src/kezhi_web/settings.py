"""Settings of the web application; every choice of the place it runs in comes from the environment (see docs/web)."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import dj_database_url
from django.core.management.utils import get_random_secret_key

from kezhi_web import secrets


def _said(name: str, otherwise: str = "") -> str:
    return os.environ.get(name, otherwise).strip()


def _beside(package: str, folder: str) -> Path:
    """A folder of an installed package, which need not be loaded for that."""
    found = find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name(folder)


def _yes(name: str) -> bool:
    return _said(name).lower() in ("1", "true", "yes", "on")


# the company's folder: kezhi.toml, book, runs; the application keeps its own files in its subfolder `web`
WORKSPACE = Path(_said("KEZHI_WORKSPACE", ".")).absolute()
OWN = WORKSPACE / "web"

DEBUG = _yes("KEZHI_DEBUG")
SECRET_KEY = _said("KEZHI_SECRET_KEY") or secrets.kept(OWN / "secret.key", get_random_secret_key)
ALLOWED_HOSTS = [one for one in _said("KEZHI_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if one]
HTTPS = _yes("KEZHI_HTTPS")
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if host != "*"] if HTTPS else []

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "axes",
    "ninja",
    "kezhi_web",
    "kezhi_web.people",
    "kezhi_web.runs",
    "kezhi_web.data",
    "kezhi_web.capture",
    "kezhi_web.overview",
    "kezhi_web.customers",
    "kezhi_web.groups",
    "kezhi_web.forecast",
    "kezhi_web.alerts",
    "kezhi_web.corrections",
    "kezhi_web.referrals",
    "kezhi_web.setup",
    "kezhi_web.api",
    "kezhi_web.hooks",
    "kezhi_web.help",
]

MIDDLEWARE = [
    "kezhi_web.middleware.harden",  # around everything, so that no answer goes without its headers
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kezhi_web.middleware.language_of_person",
    "kezhi_web.middleware.limit_bodies",
    "kezhi_web.middleware.explain",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "kezhi_web.urls"
WSGI_APPLICATION = "kezhi_web.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["kezhi_web.templatetags.kezhi"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kezhi_web.context.everywhere",
            ],
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(_said("DATABASE_URL") or f"sqlite:///{(OWN / 'kezhi.sqlite3').as_posix()}")
}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",  # two writers wait for each other instead of failing half way
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",  # what was confirmed survives a power cut
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # who keeps trying does not keep the account locked
AXES_LOCKOUT_CALLABLE = "kezhi_web.people.signing.locked"
AXES_CLIENT_IP_CALLABLE = "kezhi_web.people.signing.address_of"
AXES_DISABLE_ACCESS_LOG = True  # the audit log has it
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "中文")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
USE_I18N = True
USE_TZ = True
TIME_ZONE = _said("KEZHI_TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATICFILES_DIRS = [
    ("plotly", _beside("plotly", "package_data")),  # plotly.min.js as the package ships it
    ("report", _beside("kezhi.reports", "style")),  # the look of the report's sections
]
WHITENOISE_USE_FINDERS = True  # nothing has to be collected before a first start
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 0 if DEBUG else 365 * 24 * 3600  # addresses carry a version, see the tag `asset`

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # asked for on the machine itself
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = _yes("KEZHI_BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20  # of a form without its files
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20  # larger files go to disk
UPLOAD_LIMIT = int(_said("KEZHI_UPLOAD_MB", "2048")) * 2**20

MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"no_customers": {"()": "kezhi_web.logs.WithoutCustomers"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "no_customers"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.server": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "axes": {"level": "CRITICAL"},  # says who could not sign in; the audit log has it
    },
}

DEMO = (WORKSPACE / "kezhi-demo.json").exists()  # demo accounts are shown on the login page
SILENCED_SYSTEM_CHECKS: list[str] = []
