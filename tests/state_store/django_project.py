"""A Django project for the tests of its state store: settings, and databases with the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

__all__ = ["add", "connect", "empty", "is_connected", "migrate", "set_up", "settings_of"]


def set_up(folder: Path) -> None:
    """Configure Django, once in a process, with its default database in a file."""
    if settings.configured:
        return
    settings.configure(
        # Django 4.2 shows the settings in the mail of an error.
        SECRET_KEY="tests",
        INSTALLED_APPS=["appservice_api.django"],
        DATABASES={"default": settings_of(f"sqlite:///{folder}/django.db")},
        USE_TZ=True,
    )
    django.setup()
    migrate("default")


def settings_of(url: str) -> dict[str, Any]:
    """The settings of a database, from its URL for SQLAlchemy."""
    kind, _, rest = url.partition("://")
    if kind == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": rest[1:]}
    if kind == "dummy":
        return {"ENGINE": "django.db.backends.dummy"}
    name, _, host = rest.partition("/")[2].partition("?host=")
    return {
        "ENGINE": "django.db.backends.postgresql", "NAME": name, "HOST": host, "USER": "postgres",
    }  # fmt: skip


def is_connected(alias: str) -> bool:
    """Whether a database is in the settings."""
    return alias in connections.settings


def add(alias: str, url: str) -> None:
    """Add a database to the settings."""
    databases = {**connections.settings, alias: settings_of(url)}
    connections.settings[alias] = connections.configure_settings(databases)[alias]


def connect(alias: str, url: str) -> None:
    """Add a database, and make the tables in it."""
    add(alias, url)
    migrate(alias)


def migrate(alias: str) -> None:
    """Make the tables."""
    call_command("migrate", database=alias, verbosity=0)


def empty(alias: str) -> None:
    """Remove all rows, and close this thread's connection."""
    from appservice_api.django import models

    for model in (
        models.Member, models.State, models.Room, models.User, models.Claim, models.Handled,
        models.Noted, models.Parked, models.Begun, models.Checkpoint, models.CaughtUp,
    ):  # fmt: skip
        model.objects.using(alias).all().delete()
    connections[alias].close()
