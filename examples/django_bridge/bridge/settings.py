"""The settings; those of the bridge come from the environment."""

import os
import secrets
from pathlib import Path

FOLDER = Path(os.environ.get("BRIDGE_FOLDER", "."))

# The room that is bridged: its alias, or its ID.
BRIDGE_ROOM = os.environ.get("BRIDGE_ROOM")
APPSERVICE = {"APP": "chat.matrix.app"}
APPSERVICE_REGISTRATION = os.environ.get("APPSERVICE_REGISTRATION", "registration.yaml")
APPSERVICE_BASE_URL = os.environ.get("APPSERVICE_BASE_URL", "http://localhost:8008")

# Nothing is signed with it here, so it may be another one after each start.
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_urlsafe()
ALLOWED_HOSTS = os.environ.get("ALLOWED_HOSTS", "localhost 127.0.0.1").split()
INSTALLED_APPS = ["appservice_api.django", "chat"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # The page asks again and again: it is only told what is new.
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
ROOT_URLCONF = "bridge.urls"
WSGI_APPLICATION = "bridge.wsgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": FOLDER / "bridge.db",
        "OPTIONS": {"timeout": 30},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
