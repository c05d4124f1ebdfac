"""The app, as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

__all__ = ["AppserviceConfig"]


class AppserviceConfig(AppConfig):
    """The app ``appservice_api.django``."""

    name = "appservice_api.django"
    label = "appservice_api"
    verbose_name = "Matrix application service"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the check of the settings for ``manage.py check``."""
        from .checks import check_settings

        checks.register(check_settings)
