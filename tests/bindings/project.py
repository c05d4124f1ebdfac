"""Where the settings of the Django site lead to; a fixture sets it."""

from __future__ import annotations

from appservice_api.application import AppService

__all__ = ["app"]

app: AppService
