"""The check of the settings, for ``manage.py check``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.http.request import validate_host

from ..errors import RegistrationError

__all__ = ["check_settings"]


def check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Whether the application service can be made, and the homeserver may call it."""
    if not hasattr(settings, "APPSERVICE"):
        return []
    from .conf import appservice

    try:
        app = appservice()
    except RegistrationError as error:
        hint = "manage.py appservice_register writes a new one."
        return [Warning(f"APPSERVICE: {error}", hint=hint, id="appservice_api.W001")]
    except Exception as error:
        # The project's module may raise anything; a traceback would hide the other checks.
        return [Error(f"APPSERVICE: {type(error).__name__}: {error}", id="appservice_api.E001")]
    host = urlsplit(app.registration.url or "").hostname
    if host and not settings.DEBUG and not validate_host(host, settings.ALLOWED_HOSTS):
        return [
            Warning(
                f"ALLOWED_HOSTS doesn't list {host!r}, as which the homeserver knows this site.",
                hint="Add it, unless a proxy sends another name.",
                id="appservice_api.W002",
            )
        ]
    return []
