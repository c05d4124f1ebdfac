"""A Django site; its deliveries are shared through its own database, an SQLite file.

As a program, it is the site's ``manage.py``.
"""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

from .handlers import add_handlers

__all__ = ["application", "urlpatterns"]

settings.configure(
    INSTALLED_APPS=["appservice_api.django"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "ATOMIC_REQUESTS": True,
        }
    },
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    ROOT_URLCONF="tests.bindings.sites.django_site",
    ALLOWED_HOSTS=["127.0.0.1"],
    USE_TZ=True,
    APPSERVICE={
        "REGISTRATION": os.environ["APPSERVICE_REGISTRATION"],
        "BASE_URL": os.environ["APPSERVICE_BASE_URL"],
        "SERVER_NAME": "hs.test",
    },
)

if __name__ == "__main__":
    # Only for migrate, which needs no URLs.
    settings.ROOT_URLCONF = None
    execute_from_command_line(sys.argv)
else:
    application = get_wsgi_application()

    from appservice_api.django.conf import appservice

    add_handlers(appservice())
    urlpatterns = [path("bridge/", include("appservice_api.django.urls"))]
