"""A Flask site; its deliveries are shared through an SQLite file."""

from __future__ import annotations

import os

from flask import Flask

from appservice_api.application import AppService
from appservice_api.flask import blueprint

from .handlers import add_handlers

__all__ = ["application"]

app = AppService.from_registration(
    os.environ["APPSERVICE_REGISTRATION"],
    os.environ["APPSERVICE_BASE_URL"],
    f"sqlite:///{os.environ['DATABASE']}",
    server_name="hs.test",
)
add_handlers(app)
application = Flask(__name__)
application.register_blueprint(blueprint(app), url_prefix="/bridge")
