"""The Client-Server API's endpoints of the in-memory homeserver, one function each."""

from __future__ import annotations

from typing import Any

from .memory import Call, MemoryHomeserver, endpoint, once
from .rooms import Refused, Room, forbidden
from .wire import Answer, answer

Json = dict[str, Any]


@endpoint("GET", "client/versions")
def versions(hs: MemoryHomeserver, call: Call) -> Json:
    return {}  # answered before authentication


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
    hs.users.add(user)
    result = {"user_id": user, "home_server": hs.server_name}
    if not call.body.get("inhibit_login"):
        number = next(hs.numbers)
        result |= {"access_token": f"syt_{number}", "device_id": f"DEVICE{number}"}
        hs.tokens[result["access_token"]] = user
        hs.devices.setdefault(user, set()).add(result["device_id"])
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


@endpoint("GET", "client/v3/directory/room/{}")
def resolve_alias(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[0] not in hs.aliases:
        raise Refused(404, "M_NOT_FOUND", f"Room alias {call.parts[0]} not found")
    return {"room_id": hs.aliases[call.parts[0]], "servers": [hs.server_name]}


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


@endpoint("PUT", "client/v3/rooms/{}/send/{}/{}")
@once
def send(hs: MemoryHomeserver, call: Call) -> Json:
    event = hs.joined(call).send(call.user, call.parts[1], call.body, ts=call.ts)
    return {"event_id": event["event_id"]}


@endpoint("PUT", "client/v3/rooms/{}/redact/{}/{}")
@once
def redact(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.joined(call)
    target = next((e for e in room.timeline if e["event_id"] == call.parts[1]), None)
    may = room.power(call.user) >= room.level("redact", 50)
    if target and target["sender"] != call.user and not may:
        raise forbidden("You don't have permission to redact events")
    event = room.send(call.user, "m.room.redaction", call.body, ts=call.ts, redacts=call.parts[1])
    if target:
        target["content"] = {}
        target["unsigned"] = {"redacted_because": event}
    return {"event_id": event["event_id"]}


@endpoint("PUT", "client/v3/rooms/{}/state/{}/{}", "client/v3/rooms/{}/state/{}")
def put_state(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.joined(call) if call.parts[1] != "m.room.member" else _room(hs, call)
    key = call.parts[2] if len(call.parts) > 2 else ""
    return {"event_id": room.send(call.user, call.parts[1], call.body, key, call.ts)["event_id"]}


@endpoint("GET", "client/v3/rooms/{}/state/{}/{}", "client/v3/rooms/{}/state/{}")
def get_state(hs: MemoryHomeserver, call: Call) -> Json:
    key = call.parts[2] if len(call.parts) > 2 else ""
    event = _visible(hs, call).state.get((call.parts[1], key))
    if event is None:
        raise Refused(404, "M_NOT_FOUND", "Event not found.")
    whole = call.request.query.get("format") == ["event"]
    return event if whole else event["content"]


@endpoint("GET", "client/v3/rooms/{}/state")
def get_all_state(hs: MemoryHomeserver, call: Call) -> Answer:
    return answer(200, list(_visible(hs, call).state.values()))


@endpoint("GET", "client/v3/rooms/{}/event/{}")
def get_event(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    for event in room.timeline if room and room.membership(call.user) == "join" else ():
        if event["event_id"] == call.parts[1]:
            return event
    raise Refused(404, "M_NOT_FOUND", "Event not found.")


@endpoint("GET", "client/v3/rooms/{}/messages")
def messages(hs: MemoryHomeserver, call: Call) -> Json:
    timeline = _visible(hs, call).timeline
    query = {name: values[0] for name, values in call.request.query.items()}
    limit = int(query.get("limit", 10))
    if query.get("dir") == "f":
        start = int(query.get("from", "t0")[1:])
        stop = min(start + limit, len(timeline))
        chunk, more = timeline[start:stop], stop < len(timeline)
    else:
        start = int(query.get("from", f"t{len(timeline)}")[1:])
        stop = max(start - limit, 0)
        chunk, more = timeline[stop:start][::-1], stop > 0
    return {"chunk": chunk, "start": f"t{start}", **({"end": f"t{stop}"} if more else {})}


@endpoint("GET", "client/v3/rooms/{}/joined_members")
def joined_members(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    members = room.members() if room else []
    if call.user not in members:
        if not call.by_appservice:
            raise forbidden(f"User {call.user} not in room {call.parts[0]}")
        # Whoever is asserted: one user of the application service in the room is enough.
        if not any(user == hs.sender or hs.namespace.fullmatch(user) for user in members):
            raise forbidden("Appservice not in room")
    joined = {}
    for user in members:
        profile = hs.profiles.get(user, {})
        joined[user] = {
            "display_name": profile.get("displayname"),
            "avatar_url": profile.get("avatar_url"),
        }
    return {"joined": joined}


@endpoint("GET", "client/v3/joined_rooms")
def joined_rooms(hs: MemoryHomeserver, call: Call) -> Json:
    rooms = hs.rooms.values()
    return {"joined_rooms": [one.id for one in rooms if one.membership(call.user) == "join"]}


@endpoint("PUT", "client/v3/rooms/{}/typing/{}")
def typing(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[1] != call.user:
        raise Refused(400, "M_FORBIDDEN", "Cannot set another user's typing state")
    hs.joined(call)
    return {}


@endpoint("POST", "client/v3/rooms/{}/read_markers", "client/v3/rooms/{}/receipt/{}/{}")
def read(hs: MemoryHomeserver, call: Call) -> Json:
    hs.joined(call)
    return {}


@endpoint("PUT", "client/v3/profile/{}/{}")
def put_profile(hs: MemoryHomeserver, call: Call) -> Json:
    user, key = call.parts
    if user != call.user:
        raise Refused(400, "M_FORBIDDEN", f"Cannot set another user's {key}")
    hs.profiles.setdefault(user, {})[key] = call.body.get(key)
    return {}


@endpoint("GET", "client/v3/profile/{}/{}", "client/v3/profile/{}")
def get_profile(hs: MemoryHomeserver, call: Call) -> Json:
    user = call.parts[0]
    if user not in hs.users and user not in hs.profiles:
        raise Refused(404, "M_NOT_FOUND", "Profile was not found")
    profile = hs.profiles.get(user, {})
    if len(call.parts) == 1:
        return profile
    return {key: value for key, value in profile.items() if key == call.parts[1]}


@endpoint("POST", "media/v3/upload")
def upload(hs: MemoryHomeserver, call: Call) -> Json:
    uri = f"mxc://{hs.server_name}/media{next(hs.numbers)}"
    hs.media[uri] = call.request.body
    return {"content_uri": uri}


@endpoint("POST", "client/v1/appservice/{}/ping")
def ping(hs: MemoryHomeserver, call: Call) -> Json:
    return {"duration_ms": 3}


@endpoint("PUT", "client/v3/devices/{}")
def put_device(hs: MemoryHomeserver, call: Call) -> Answer:
    devices = hs.devices.setdefault(call.user, set())
    new = call.parts[0] not in devices
    devices.add(call.parts[0])
    return answer(201 if new else 200)


def _room(hs: MemoryHomeserver, call: Call) -> Room:
    """The room that a path names, for actions that check the membership themselves."""
    room = hs.rooms.get(call.parts[0])
    if room is None:
        raise forbidden(f"{call.user} not in room {call.parts[0]}.")
    return room


def _visible(hs: MemoryHomeserver, call: Call) -> Room:
    room = hs.rooms.get(call.parts[0])
    if room is None or room.membership(call.user) != "join":
        raise forbidden(
            f"User {call.user} not in room {call.parts[0]}, and room previews are disabled"
        )
    return room
