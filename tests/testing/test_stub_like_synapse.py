"""The stub answers as the real homeserver does: the same requests go to both.

Compared are status, errcode and text, once IDs are replaced by names. A line's last part is what
both must answer, so that a line whose set-up fails on both isn't taken for a success.
"""

from __future__ import annotations

import re
from typing import Any

import requests

from appservice_api.testing import Homeserver, StubHomeserver

A, B, C, NOBODY = "{a}", "{b}", "{c}", "{nobody}"
MESSAGE = {"msgtype": "m.text", "body": "x"}

# who (None: the bot), method, path, body, status, errcode
SCRIPT: list[tuple[str | None, str, str, Any, int, str | None]] = [
    (None, "POST", "register", {"username": "{a_name}"}, 400, "M_UNKNOWN"),
    (None, "POST", "register", ("{a_name}",), 200, None),
    (None, "POST", "register", ("{a_name}",), 400, "M_USER_IN_USE"),
    (None, "POST", "register", ("{b_name}",), 200, None),
    (None, "POST", "register", ("{c_name}",), 200, None),
    (None, "POST", "register", ("somebody",), 400, "M_EXCLUSIVE"),
    (None, "GET", "account/whoami", None, 200, None),
    (NOBODY, "GET", "account/whoami", None, 403, "M_FORBIDDEN"),
    ("@eve:hs.test", "GET", "account/whoami", None, 403, "M_FORBIDDEN"),
    # A private room of the bot's.
    (None, "POST", "createRoom", {"preset": "private_chat"}, 200, None),
    (A, "PUT", "rooms/{room}/send/m.room.message/1", MESSAGE, 403, "M_FORBIDDEN"),
    (A, "PUT", "rooms/!none:hs.test/send/m.room.message/1", MESSAGE, 403, "M_FORBIDDEN"),
    (A, "POST", "join/{room}", {}, 403, "M_FORBIDDEN"),
    (A, "POST", "join/!none:hs.test", {}, 404, "M_UNKNOWN"),
    (A, "POST", "join/%23{c_name}:hs.test", {}, 404, "M_NOT_FOUND"),
    (A, "POST", "rooms/{room}/invite", {"user_id": B}, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/leave", {}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/kick", {"user_id": A}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/invite", {"user_id": A}, 200, None),
    (None, "POST", "rooms/{room}/invite", {"user_id": A}, 200, None),
    (A, "PUT", "rooms/{room}/send/m.room.message/1", MESSAGE, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/join", {}, 200, None),
    (A, "POST", "join/{room}", {}, 200, None),
    (None, "POST", "rooms/{room}/invite", {"user_id": A}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/unban", {"user_id": A}, 403, "M_BAD_STATE"),
    (A, "PUT", "rooms/{room}/send/m.room.message/1", MESSAGE, 200, None),
    (A, "PUT", "rooms/{room}/send/m.room.message/1", MESSAGE, 200, None),
    (A, "PUT", "rooms/{room}/state/m.room.topic", {"topic": "x"}, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/kick", {"user_id": "{bot}"}, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/ban", {"user_id": "{bot}"}, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/ban", {"user_id": B}, 403, "M_FORBIDDEN"),
    (None, "PUT", "rooms/{room}/state/m.room.topic/", {"topic": "x"}, 200, None),
    (A, "GET", "rooms/{room}/state/m.room.topic", None, 200, None),
    (A, "GET", "rooms/{room}/state/m.room.avatar/", None, 404, "M_NOT_FOUND"),
    (B, "GET", "rooms/{room}/state/m.room.topic", None, 403, "M_FORBIDDEN"),
    (B, "GET", "rooms/{room}/messages?dir=b", None, 403, "M_FORBIDDEN"),
    (B, "GET", "rooms/{room}/joined_members", None, 200, None),
    (A, "GET", "rooms/!none:hs.test/joined_members", None, 403, "M_FORBIDDEN"),
    (A, "GET", "rooms/{room}/joined_members", None, 200, None),
    (A, "PUT", "rooms/{room}/redact/{event}/r1", {}, 200, None),
    (None, "PUT", "rooms/{room}/send/m.room.message/2", MESSAGE, 200, None),
    (A, "PUT", "rooms/{room}/redact/{event}/r2", {}, 403, "M_FORBIDDEN"),
    (A, "GET", "rooms/{room}/event/$none", None, 404, "M_NOT_FOUND"),
    (A, "PUT", "rooms/{room}/typing/{a}", {"typing": True, "timeout": 1000}, 200, None),
    (A, "PUT", "rooms/{room}/typing/{bot}", {"typing": True, "timeout": 1}, 400, "M_FORBIDDEN"),
    (B, "PUT", "rooms/{room}/typing/{b}", {"typing": True, "timeout": 1}, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/receipt/m.read/{event}", {}, 200, None),
    (A, "POST", "rooms/{room}/read_markers", {"m.fully_read": "{event}"}, 200, None),
    # Out of the room, and banned from it.
    (A, "POST", "rooms/{room}/leave", {}, 200, None),
    (A, "POST", "rooms/{room}/leave", {}, 200, None),
    (A, "POST", "rooms/{room}/join", {}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/kick", {"user_id": A}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/invite", {"user_id": A}, 200, None),
    (A, "POST", "join/{room}", {}, 200, None),
    (None, "POST", "rooms/{room}/kick", {"user_id": A, "reason": "r"}, 200, None),
    (None, "POST", "rooms/{room}/ban", {"user_id": A}, 200, None),
    (None, "POST", "rooms/{room}/ban", {"user_id": A}, 200, None),
    (A, "POST", "join/{room}", {}, 403, "M_BAD_STATE"),
    (None, "POST", "rooms/{room}/invite", {"user_id": A}, 403, "M_BAD_STATE"),
    (None, "POST", "rooms/{room}/kick", {"user_id": A}, 403, "M_BAD_STATE"),
    (A, "PUT", "rooms/{room}/send/m.room.message/3", MESSAGE, 403, "M_FORBIDDEN"),
    (A, "POST", "rooms/{room}/leave", {}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/unban", {"user_id": A}, 200, None),
    (None, "POST", "rooms/{room}/unban", {"user_id": A}, 403, "M_BAD_STATE"),
    (None, "POST", "rooms/{room}/ban", {"user_id": C}, 200, None),
    (C, "POST", "join/{room}", {}, 403, "M_BAD_STATE"),
    (None, "PUT", "rooms/{room}/state/m.room.member/{b}", {"membership": "invite"}, 200, None),
    (B, "PUT", "rooms/{room}/state/m.room.member/{b}", {"membership": "join"}, 200, None),
    (
        None,
        "PUT",
        "rooms/{room}/state/m.room.member/{b}",
        {"membership": "join"},
        403,
        "M_FORBIDDEN",
    ),
    (None, "PUT", "rooms/{room}/state/m.room.member/{b}", {"membership": "odd"}, 400, "M_UNKNOWN"),
    (None, "POST", "rooms/{room}/invite", {}, 400, "M_MISSING_PARAM"),
    # A public room of a ghost's.
    (A, "POST", "createRoom", {"preset": "public_chat", "room_alias_name": "{a_name}"}, 200, None),
    (A, "POST", "createRoom", {"room_alias_name": "{a_name}"}, 400, "M_ROOM_IN_USE"),
    (B, "POST", "join/%23{a_name}:hs.test", {}, 200, None),
    (B, "POST", "rooms/{room}/invite", {"user_id": C}, 403, "M_FORBIDDEN"),
    (None, "PUT", "rooms/{room}/send/m.room.message/4", MESSAGE, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/invite", {"user_id": C}, 403, "M_FORBIDDEN"),
    (None, "POST", "rooms/{room}/join", {}, 200, None),
    (A, "PUT", "rooms/{room}/state/m.room.name", {"name": "x"}, 200, None),
    # Users, devices, media and the unknown.
    (A, "PUT", "profile/{a}/displayname", {"displayname": "A"}, 200, None),
    (A, "PUT", "profile/{b}/displayname", {"displayname": "A"}, 400, "M_FORBIDDEN"),
    (A, "GET", "profile/{a}/displayname", None, 200, None),
    (A, "GET", "profile/{nobody}/displayname", None, 404, "M_NOT_FOUND"),
    (A, "GET", "directory/room/%23{c_name}:hs.test", None, 404, "M_NOT_FOUND"),
    (A, "GET", "account/whoami?device_id=D", None, 400, "M_UNKNOWN_DEVICE"),
    (A, "PUT", "devices/D", {}, 201, None),
    (A, "PUT", "devices/D", {}, 200, None),
    (A, "GET", "account/whoami?device_id=D", None, 200, None),
    (A, "GET", "joined_rooms", None, 200, None),
    (A, "GET", "nothing/here", None, 404, "M_UNRECOGNIZED"),
]


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
        reply = self.session.request(
            method,
            f"{self.base_url}/_matrix/client/v3/{self.filled(path)}",
            json=self.filled(body),
            params={"user_id": self.filled(who)} if who else {},
            headers={"Authorization": f"Bearer {self.as_token}"},
            timeout=30,
        )
        content = reply.json()
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
    return {**names, **users, "bot": bot}


def test_the_stub_answers_like_synapse(homeserver: Homeserver) -> None:
    prefix = homeserver.id
    with StubHomeserver("token", homeserver.bot_mxid, namespace=f"@_{prefix}_.*") as stub:
        real = Caller(
            homeserver.base_url, homeserver.as_token, names_for(prefix, homeserver.bot_mxid)
        )
        ours = Caller(stub.base_url, "token", names_for(prefix, homeserver.bot_mxid))
        differences = []
        for number, (who, method, path, body, status, errcode) in enumerate(SCRIPT):
            theirs, mine = real(who, method, path, body), ours(who, method, path, body)
            if theirs != mine or theirs[:2] != (status, errcode):
                differences.append((number, method, path, theirs, mine))
        real.session.close()
        ours.session.close()
    assert differences == []
