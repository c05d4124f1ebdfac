"""A Flask site; its deliveries are shared through an SQLite file."""

from __future__ import annotations

from flask import Flask

from appservice_api.flask import blueprint

from .plain_site import app

__all__ = ["application"]

application = Flask(__name__)
application.register_blueprint(blueprint(app), url_prefix="/bridge")
