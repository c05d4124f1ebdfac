"""Endpoints about rooms and registration; those of other chapters stand beside this module."""

from __future__ import annotations

from typing import Any

from .history import relates_to
from .http import Refused, Response, answer, forbidden
from .memory import Call, MemoryHomeserver, endpoint, once
from .rooms import Room

Json = dict[str, Any]

_ROOM_VERSIONS = tuple(str(number) for number in range(1, 13))
# The state that an upgrade copies, and the keys that a redaction keeps.
_MOVED = frozenset(
    f"m.room.{name}"
    for name in (
        "avatar", "canonical_alias", "encryption", "guest_access", "history_visibility",
        "join_rules", "name", "power_levels", "server_acl", "topic",
    )
)  # fmt: skip
_KEPT = {
    "m.room.member": ("membership", "join_authorised_via_users_server"),
    "m.room.create": ("creator", "room_version", "predecessor"),
    "m.room.join_rules": ("join_rule", "allow"),
    "m.room.power_levels": ("ban", "events", "events_default", "invite", "kick", "redact",
                            "state_default", "users", "users_default"),
    "m.room.history_visibility": ("history_visibility",),
}  # fmt: skip


@endpoint("GET", "client/versions")
def versions(hs: MemoryHomeserver, call: Call) -> Json:
    return {}  # responded to before authentication


@endpoint("GET", "client/v3/account/whoami")
def whoami(hs: MemoryHomeserver, call: Call) -> Json:
    device = call.request.query.get("device_id") if call.by_appservice else None
    more = {"device_id": device[0]} if device else {}
    return {"user_id": call.user, "is_guest": False, **more}


@endpoint("POST", "client/v3/register")
def register(hs: MemoryHomeserver, call: Call) -> Json:
    if call.body.get("type") != "m.login.application_service" or not call.by_appservice:
        raise Refused(
            400,
            "M_UNKNOWN",
            "An access token should not be provided on requests to /register "
            "(except if type is m.login.application_service)",
        )
    user = f"@{call.body.get('username')}:{hs.server_name}"
    if user != hs.sender and not hs.namespace.fullmatch(user):
        text = "Invalid user localpart for this application service."
        raise Refused(400, "M_EXCLUSIVE", text)
    if user in hs.users:
        raise Refused(400, "M_USER_IN_USE", "User ID already taken.")
    if user in hs.profiles:
        # Synapse fails for a sender that set its name before it had an account.
        raise Refused(500, "M_UNKNOWN", "Internal server error")
    hs.users.add(user)
    result = {"user_id": user, "home_server": hs.server_name}
    if not call.body.get("inhibit_login"):
        number = next(hs.numbers)
        result |= {"access_token": f"syt_{number}", "device_id": f"DEVICE{number}"}
        hs.tokens[result["access_token"]] = user
        hs.devices.setdefault(user, {})[result["device_id"]] = None
    return result


@endpoint("POST", "client/v3/createRoom")
def create_room(hs: MemoryHomeserver, call: Call) -> Json:
    body = call.body
    preset = body.get("preset")
    if preset is None:
        preset = "public_chat" if body.get("visibility") == "public" else "private_chat"
    alias = f"#{body.get('room_alias_name')}:{hs.server_name}"
    if "room_alias_name" in body and alias in hs.aliases:
        raise Refused(400, "M_ROOM_IN_USE", "Room alias already taken")
    invitees = list(body.get("invite", []))
    room = hs.new_room(call.user, preset, invitees)
    if override := body.get("power_level_content_override"):
        room.content("m.room.power_levels").update(override)
    for event in body.get("initial_state", []):
        room.append(call.user, event["type"], event["content"], event.get("state_key", ""))
    for key in ("name", "topic"):
        if key in body:
            room.append(call.user, f"m.room.{key}", {key: body[key]}, "")
    for user in invitees:
        more = {"is_direct": True} if body.get("is_direct") else {}
        room.change("invite", call.user, user, more)
    if "room_alias_name" in body:
        hs.aliases[alias] = room.id
    return {"room_id": room.id}


@endpoint("POST", "client/v3/join/{}", "client/v3/rooms/{}/join")
def join(hs: MemoryHomeserver, call: Call) -> Json:
    where = call.parts[0]
    if where.startswith("#") and where not in hs.aliases:
        raise Refused(404, "M_NOT_FOUND", f"Room alias {where} not found")
    room = hs.rooms.get(hs.aliases.get(where, where))
    if room is None:
        text = "Can't join remote room because no servers that are in the room have been provided."
        raise Refused(404, "M_UNKNOWN", text)
    if room.membership(call.user) != "join":
        more = {key: value for key, value in (call.request.json or {}).items() if key == "reason"}
        room.change("join", call.user, call.user, {**hs.profiles.get(call.user, {}), **more})
    return {"room_id": room.id}


@endpoint("POST", *(f"client/v3/rooms/{{}}/{name}" for name in ("invite", "kick", "ban", "unban")))
def change_member(hs: MemoryHomeserver, call: Call) -> Json:
    action = call.request.path.rpartition("/")[2]
    target = call.body.get("user_id")
    if not isinstance(target, str):
        raise Refused(400, "M_MISSING_PARAM", "Missing params: ['user_id']")
    room = _room(hs, call)
    more = {"reason": call.body["reason"]} if "reason" in call.body else {}
    room.change(action, call.user, target, more)
    return {}


@endpoint("POST", "client/v3/rooms/{}/leave")
def leave(hs: MemoryHomeserver, call: Call) -> Json:
    room = _room(hs, call)
    if room.membership(call.user) != "leave":
        room.change("leave", call.user, call.user)
    return {}


@endpoint("POST", "client/v3/knock/{}")
def knock(hs: MemoryHomeserver, call: Call) -> Json:
    where = call.parts[0]
    if where.startswith("#") and where not in hs.aliases:
        raise Refused(404, "M_NOT_FOUND", f"Room alias {where} not found")
    room = hs.rooms.get(hs.aliases.get(where, where))
    if room is None:
        raise Refused(404, "M_UNKNOWN", "No known servers")
    more = {key: value for key, value in (call.request.json or {}).items() if key == "reason"}
    room.change("knock", call.user, call.user, {**hs.profiles.get(call.user, {}), **more})
    return {"room_id": room.id}


@endpoint("POST", "client/v3/rooms/{}/forget")
def forget(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    if room is not None and room.membership(call.user) == "join":
        raise Refused(400, "M_UNKNOWN", f"User {call.user} in room {room.id}")
    return {}


@endpoint("POST", "client/v3/rooms/{}/upgrade")
def upgrade(hs: MemoryHomeserver, call: Call) -> Json:
    version = call.body.get("new_version")
    if version is None:
        raise Refused(400, "M_MISSING_PARAM", "Missing params: ['new_version']")
    if version not in _ROOM_VERSIONS:
        text = "Your homeserver does not support this room version"
        raise Refused(400, "M_UNSUPPORTED_ROOM_VERSION", text)
    old = hs.joined(call)
    tombstone = {"body": "This room has been replaced", "replacement_room": ""}
    old.send(call.user, "m.room.tombstone", tombstone, "")
    new = hs.new_room(call.user, "private_chat")
    tombstone["replacement_room"] = new.id
    predecessor = {"room_id": old.id}
    new.content("m.room.create").update(room_version=version, predecessor=predecessor)
    for (kind, key), event in old.state.items():
        if kind in _MOVED and not key:
            new.append(call.user, kind, event["content"], key)
    hs.aliases.update({alias: new.id for alias, room in hs.aliases.items() if room == old.id})
    return {"replacement_room": new.id}


@endpoint("PUT", "client/v3/rooms/{}/send/{}/{}")
@once
def send(hs: MemoryHomeserver, call: Call) -> Json:
    room, kind = hs.joined(call), call.parts[1]
    if kind == "m.room.redaction" and isinstance(call.body.get("redacts"), str):
        return _redact(room, call, call.body["redacts"])
    relation = relates_to({"content": call.body})
    if relation.get("rel_type") == "m.annotation" and any(
        (event["sender"], event["type"]) == (call.user, kind) and relates_to(event) == relation
        for event in room.timeline
    ):
        raise Refused(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
    return {"event_id": room.send(call.user, kind, call.body, ts=call.ts)["event_id"]}


@endpoint("PUT", "client/v3/rooms/{}/redact/{}/{}")
@once
def redact(hs: MemoryHomeserver, call: Call) -> Json:
    return _redact(hs.joined(call), call, call.parts[1])


@endpoint("PUT", "client/v3/rooms/{}/state/{}/{}", "client/v3/rooms/{}/state/{}")
def put_state(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.joined(call) if call.parts[1] != "m.room.member" else _room(hs, call)
    key = call.parts[2] if len(call.parts) > 2 else ""
    return {"event_id": room.send(call.user, call.parts[1], call.body, key, call.ts)["event_id"]}


@endpoint("GET", "client/v3/rooms/{}/state/{}/{}", "client/v3/rooms/{}/state/{}")
def get_state(hs: MemoryHomeserver, call: Call) -> Json:
    key = call.parts[2] if len(call.parts) > 2 else ""
    event = hs.visible(call).state.get((call.parts[1], key))
    if event is None:
        raise Refused(404, "M_NOT_FOUND", "Event not found.")
    whole = call.request.query.get("format") == ["event"]
    return event if whole else event["content"]


@endpoint("GET", "client/v3/rooms/{}/state")
def get_all_state(hs: MemoryHomeserver, call: Call) -> Response:
    return answer(200, list(hs.visible(call).state.values()))


@endpoint("PUT", "client/v3/rooms/{}/typing/{}")
def typing(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[1] != call.user:
        raise Refused(400, "M_FORBIDDEN", "Cannot set another user's typing state")
    hs.joined(call)
    return {}


@endpoint("POST", "client/v3/rooms/{}/receipt/{}/{}")
def receipt(hs: MemoryHomeserver, call: Call) -> Json:
    room, (kind, event_id) = hs.joined(call), call.parts[1:]
    _mark_read(hs, call, room.id, {kind: event_id})
    return {}


@endpoint("POST", "client/v3/rooms/{}/read_markers")
def read_markers(hs: MemoryHomeserver, call: Call) -> Json:
    _mark_read(hs, call, hs.joined(call).id, call.body)
    return {}


@endpoint("GET", "client/v3/capabilities")
def capabilities(hs: MemoryHomeserver, call: Call) -> Json:
    switches = ("change_password", "set_displayname", "set_avatar_url", "3pid_changes",
                "get_login_token", "profile_fields")  # fmt: skip
    versions = {"default": "10", "available": dict.fromkeys(_ROOM_VERSIONS, "stable")}
    enabled = {f"m.{name}": {"enabled": True} for name in switches}
    return {"capabilities": {"m.room_versions": versions, **enabled}}


@endpoint("POST", "client/v1/appservice/{}/ping")
def ping(hs: MemoryHomeserver, call: Call) -> Json:
    return {"duration_ms": 3}


def _room(hs: MemoryHomeserver, call: Call) -> Room:
    """The room that a path names, for actions that check memberships themselves."""
    room = hs.rooms.get(call.parts[0])
    if room is None:
        raise forbidden(f"{call.user} not in room {call.parts[0]}.")
    return room


def _redact(room: Room, call: Call, event_id: str) -> Json:
    target = room.event(event_id)
    may = room.power(call.user) >= room.level("redact", 50)
    if target and target["sender"] != call.user and not may:
        raise forbidden("You don't have permission to redact events")
    event = room.send(call.user, "m.room.redaction", call.body, ts=call.ts, redacts=event_id)
    if target:
        kept = _KEPT.get(target["type"], ())
        target["content"] = {key: one for key, one in target["content"].items() if key in kept}
        target["unsigned"] = {"redacted_because": event}
    return {"event_id": event["event_id"]}


def _mark_read(hs: MemoryHomeserver, call: Call, room_id: str, marks: Json) -> None:
    for kind, event_id in marks.items():
        if kind == "m.fully_read":
            hs.account_data[call.user, room_id, kind] = {"event_id": event_id}
        elif kind in ("m.read", "m.read.private"):
            hs.receipts[room_id, call.user, kind] = event_id
