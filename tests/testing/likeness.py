"""Sends the same requests to the stub and to a real homeserver, and compares the answers.

Compared are status, errcode, text and the names of the keys, once IDs are replaced by names; of
media the bytes and the headers that describe them. A step says what both must answer, so that one
whose set-up fails on both isn't taken for a success.
"""

from __future__ import annotations

import re
from typing import Any

import requests

from appservice_api.testing import Homeserver, StubHomeserver

__all__ = ["NOBODY", "A", "B", "C", "Script", "differences"]

A, B, C, NOBODY = "{a}", "{b}", "{c}", "{nobody}"

# who (None: the bot), method, path, body, status, errcode
Script = list[tuple[str | None, str, str, Any, int, str | None]]


class Caller:
    """Sends the script's requests to one homeserver and names what it answers."""

    def __init__(self, base_url: str, as_token: str, names: dict[str, str]) -> None:
        self.base_url = base_url
        self.as_token = as_token
        self.names = names
        self.session = requests.Session()
        self.session.trust_env = False

    def filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.filled(one) for key, one in value.items()}
        if isinstance(value, tuple):
            kind = "m.login.application_service"
            return {"type": kind, "username": self.filled(value[0]), "inhibit_login": True}
        if not isinstance(value, str):
            return value
        return re.sub(r"\{(\w+)\}", lambda match: self.names[match[1]], value)

    def __call__(
        self, who: str | None, method: str, path: str, body: Any
    ) -> tuple[int, str | None, str, list[str]]:
        path, given = self.filled(path), self.filled(body)
        reply = self.session.request(
            method,
            f"{self.base_url}/_matrix/{path[1:] if path[0] == '/' else f'client/v3/{path}'}",
            **({"data": given} if isinstance(given, bytes) else {"json": given}),
            params={"user_id": self.filled(who)} if who else {},
            headers={"Authorization": f"Bearer {self.as_token}"},
            timeout=30,
        )
        if not reply.headers["Content-Type"].startswith("application/json"):
            described = [reply.headers[name] for name in ("Content-Type", "Content-Disposition")]
            return reply.status_code, None, reply.text, described
        content = reply.json()
        if not isinstance(content, dict):
            return reply.status_code, None, "", []
        if "content_uri" in content:
            self.names["media"] = content["content_uri"].removeprefix("mxc://")
        if "room_id" in content:
            self.names["room"] = content["room_id"]
        if "event_id" in content and "/send/" in path:
            self.names["event"] = content["event_id"]
        error = content.get("error", "")
        # The longest first: one name may be part of another.
        for name, value in sorted(self.names.items(), key=lambda pair: -len(pair[1])):
            error = error.replace(value, f"<{name}>")
        return reply.status_code, content.get("errcode"), error, sorted(content)


def names_for(prefix: str, bot: str) -> dict[str, str]:
    names = {f"{one}_name": f"_{prefix}_{one}" for one in ("a", "b", "c", "nobody")}
    users = {one: f"@_{prefix}_{one}:hs.test" for one in ("a", "b", "c", "nobody")}
    return {**names, **users, "bot": bot, "bot_name": bot[1:].partition(":")[0]}


def differences(homeserver: Homeserver, script: Script) -> list[Any]:
    """Run a script on both; what they answer differently, or not as told."""
    prefix = homeserver.id
    with StubHomeserver("token", homeserver.bot_mxid, namespace=f"@_{prefix}_.*") as stub:
        stub.memory.alias_namespace = re.compile(f"#_{prefix}_.*")
        stub.memory.upload_size = 10 * 1024**2
        real = Caller(
            homeserver.base_url, homeserver.as_token, names_for(prefix, homeserver.bot_mxid)
        )
        ours = Caller(stub.base_url, "token", names_for(prefix, homeserver.bot_mxid))
        found = []
        for number, (who, method, path, body, status, errcode) in enumerate(script):
            theirs, mine = real(who, method, path, body), ours(who, method, path, body)
            if theirs != mine or theirs[:2] != (status, errcode):
                found.append((number, method, path, theirs, mine))
        real.session.close()
        ours.session.close()
    return found
