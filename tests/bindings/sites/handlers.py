"""What the sites do: they write down what comes, one line of JSON each, and echo messages."""

from __future__ import annotations

import json
import os
from typing import Any

from appservice_api import Room
from appservice_api.application import AppService

__all__ = ["PROTOCOL", "add_handlers"]

PROTOCOL = {
    "user_fields": ["nick"], "location_fields": ["channel"], "icon": "mxc://hs.test/icon",
    "field_types": {
        "nick": {"regexp": ".+", "placeholder": "bob"},
        "channel": {"regexp": "#.+", "placeholder": "#chat"},
    },
    "instances": [{"desc": "IRC", "network_id": "irc", "fields": {}}],
}  # fmt: skip


def _write(what: str, found: Any) -> None:
    line = json.dumps({"what": what, "pid": os.getpid(), "found": found}) + "\n"
    out = os.open(os.environ["HEARD"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(out, line.encode())
    finally:
        os.close(out)


def add_handlers(app: AppService) -> None:
    """Add the handlers of all routes."""

    @app.on("*")
    def event(event: dict[str, Any]) -> None:
        _write("event", event)

    @app.on("m.room.message", msgtype="m.text")
    def echo(event: Any, room: Room) -> None:
        if event.content.body.startswith("echo "):
            room.send_notice(event.content.body)

    @app.on_ephemeral("*")
    def ephemeral(event: dict[str, Any]) -> None:
        _write("ephemeral", event)

    @app.on_user_query
    def user_query(user_id: str) -> dict[str, Any]:
        _write("user", user_id)
        return {"displayname": "Somebody"}

    @app.on_alias_query
    def alias_query(alias: str) -> dict[str, Any]:
        _write("alias", alias)
        return {"preset": "public_chat"}

    @app.on_protocol(app.registration.id)
    def protocol(protocol: str) -> dict[str, Any]:
        _write("protocol", protocol)
        return PROTOCOL

    @app.on_user(app.registration.id)
    def user(fields: dict[str, str], app: AppService) -> list[dict[str, Any]]:
        _write("lookup", fields)
        return [
            {"userid": str(app.api.bot_mxid), "protocol": app.registration.id, "fields": fields}
        ]
