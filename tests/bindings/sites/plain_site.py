"""An application service, for ``appservice-api serve``; its deliveries are shared through an
SQLite file."""

from __future__ import annotations

import os

from appservice_api.application import AppService

from .handlers import add_handlers

__all__ = ["app"]

app = AppService.from_registration(
    os.environ["APPSERVICE_REGISTRATION"],
    os.environ["APPSERVICE_BASE_URL"],
    f"sqlite:///{os.environ['DATABASE']}",
    server_name="hs.test",
)
add_handlers(app)
