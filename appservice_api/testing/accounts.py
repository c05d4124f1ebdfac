"""Endpoints about users: profile, presence, devices, account data, tags, filters."""

from __future__ import annotations

from typing import Any

from .http import Refused, Response, answer, forbidden
from .memory import Call, MemoryHomeserver, endpoint, once

Json = dict[str, Any]

_USER = "client/v3/user/{}"
_ELSEWHERE = {
    "m.fully_read": "/rooms/!roomId:server.name/read_markers",
    "m.push_rules": "/pushrules",
}


@endpoint("PUT", "client/v3/profile/{}/{}")
def put_profile(hs: MemoryHomeserver, call: Call) -> Json:
    user, key = call.parts
    old = key in ("displayname", "avatar_url")
    if user != call.user:
        text = f"Cannot set another user's {key if old else 'profile'}"
        raise Refused(400 if old else 403, "M_FORBIDDEN", text)
    if key not in call.body:
        raise Refused(400, "M_MISSING_PARAM", f"Missing key {key!r}")
    hs.profiles.setdefault(user, {})[key] = call.body[key]
    for room in hs.rooms.values() if old else ():
        if room.membership(user) == "join":
            content = {**room.content("m.room.member", user), key: call.body[key]}
            room.change("join", user, user, content)
    return {}


@endpoint("GET", "client/v3/profile/{}/{}", "client/v3/profile/{}")
def get_profile(hs: MemoryHomeserver, call: Call) -> Json:
    user, *keys = call.parts
    profile = hs.profiles.get(user, {})
    known = user in hs.users or user in hs.profiles
    if not known and not keys:
        raise Refused(404, "M_UNKNOWN", "No row found (profiles)")
    if not known or (keys and keys[0] not in (*profile, "displayname", "avatar_url")):
        raise Refused(404, "M_NOT_FOUND", "Profile was not found")
    if not keys:
        return profile
    return {key: value for key, value in profile.items() if key == keys[0]}


@endpoint("DELETE", "client/v3/profile/{}/{}")
def delete_profile(hs: MemoryHomeserver, call: Call) -> Json:
    user, key = call.parts
    if user != call.user:
        raise Refused(400, "M_FORBIDDEN", "Cannot set another user's profile")
    hs.profiles.get(user, {}).pop(key, None)
    return {}


@endpoint("PUT", "client/v3/presence/{}/status")
def put_presence(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[0] != call.user:
        raise forbidden("Can only set your own presence state")
    if call.body.get("presence") not in ("online", "offline", "unavailable"):
        raise Refused(400, "M_UNKNOWN", "Invalid presence state")
    kept = {"presence", "status_msg"} & call.body.keys()
    hs.presence[call.user] = {key: call.body[key] for key in sorted(kept)}
    return {}


@endpoint("GET", "client/v3/presence/{}/status")
def get_presence(hs: MemoryHomeserver, call: Call) -> Json:
    return hs.presence.get(call.parts[0], {"presence": "offline"})


@endpoint("GET", "client/v3/devices")
def devices(hs: MemoryHomeserver, call: Call) -> Json:
    return {"devices": [_device(hs, call.user, one) for one in hs.devices.get(call.user, ())]}


@endpoint("GET", "client/v3/devices/{}")
def get_device(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[0] not in hs.devices.get(call.user, ()):
        raise Refused(404, "M_NOT_FOUND", "Not found")
    return _device(hs, call.user, call.parts[0])


@endpoint("PUT", "client/v3/devices/{}")
def put_device(hs: MemoryHomeserver, call: Call) -> Response:
    devices, name = hs.devices.setdefault(call.user, {}), call.body.get("display_name")
    new = call.parts[0] not in devices
    if new or name is not None:
        devices[call.parts[0]] = name
    return answer(201 if new else 200)


@endpoint("DELETE", "client/v3/devices/{}")
def delete_device(hs: MemoryHomeserver, call: Call) -> Json:
    hs.devices.get(call.user, {}).pop(call.parts[0], None)
    return {}


@endpoint("POST", "client/v3/delete_devices")
def delete_devices(hs: MemoryHomeserver, call: Call) -> Json:
    if "devices" not in call.body:
        raise Refused(400, "M_MISSING_PARAM", "devices: Field required")
    for device in call.body["devices"]:
        hs.devices.get(call.user, {}).pop(device, None)
    return {}


@endpoint("PUT", "client/v3/sendToDevice/{}/{}")
@once
def send_to_device(hs: MemoryHomeserver, call: Call) -> Json:
    if "messages" not in call.body:
        raise Refused(400, "M_MISSING_PARAM", "Missing params: ['messages']")
    for user, messages in call.body["messages"].items():
        for name, content in messages.items():
            event = {"sender": call.user, "type": call.parts[0], "content": content}
            for device in hs.devices.get(user, ()) if name == "*" else (name,):
                if device in hs.devices.get(user, ()):
                    hs.to_device.setdefault((user, device), []).append(event)
    return {}


@endpoint("GET", f"{_USER}/account_data/{{}}", f"{_USER}/rooms/{{}}/account_data/{{}}")
def get_account_data(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "get account data")
    key = _data_key(call)
    if key not in hs.account_data:
        what = "Room account data" if key[1] else "Account data"
        raise Refused(404, "M_NOT_FOUND", f"{what} not found")
    return hs.account_data[key]


@endpoint("PUT", f"{_USER}/account_data/{{}}", f"{_USER}/rooms/{{}}/account_data/{{}}")
def put_account_data(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "add account data")
    key = _data_key(call)
    instead = _ELSEWHERE.get(key[2])
    if instead is not None:
        text = f"Cannot set {key[2]} through this API. Use {instead}"
        raise Refused(405, "M_BAD_JSON", text)
    if key[1] and not key[1].startswith("!"):
        raise Refused(400, "M_INVALID_PARAM", f"{key[1]} is not a valid room ID")
    hs.account_data[key] = call.body
    return {}


@endpoint("GET", f"{_USER}/rooms/{{}}/tags")
def get_tags(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "get tags")
    return {"tags": hs.tags.get((call.parts[0], call.parts[1]), {})}


@endpoint("PUT", f"{_USER}/rooms/{{}}/tags/{{}}")
def put_tag(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "add tags")
    user, room, tag = call.parts
    hs.tags.setdefault((user, room), {})[tag] = call.body
    return {}


@endpoint("DELETE", f"{_USER}/rooms/{{}}/tags/{{}}")
def delete_tag(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "add tags")
    user, room, tag = call.parts
    hs.tags.get((user, room), {}).pop(tag, None)
    return {}


@endpoint("POST", f"{_USER}/filter")
def put_filter(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "create filters")
    filters = hs.filters.setdefault(call.user, [])
    if call.body not in filters:
        filters.append(call.body)
    return {"filter_id": str(filters.index(call.body))}


@endpoint("GET", f"{_USER}/filter/{{}}")
def get_filter(hs: MemoryHomeserver, call: Call) -> Json:
    _check_own(call, "get filters")
    filters = hs.filters.get(call.user, [])
    number = call.parts[1]
    if not number.isdecimal() or int(number) >= len(filters):
        raise Refused(404, "M_NOT_FOUND", "No such filter")
    return filters[int(number)]


def _device(hs: MemoryHomeserver, user: str, device: str) -> Json:
    name = hs.devices[user][device]
    seen = {"last_seen_ts": None, "last_seen_ip": None}
    return {"user_id": user, "device_id": device, "display_name": name, **seen}


def _check_own(call: Call, action: str) -> None:
    if call.parts[0] != call.user:
        full_stop = "" if "filters" in action else "."
        raise forbidden(f"Cannot {action} for other users{full_stop}")


def _data_key(call: Call) -> tuple[str, str, str]:
    user, *room, kind = call.parts
    return user, room[0] if room else "", kind
