"""Endpoints about room aliases and the room directory."""

from __future__ import annotations

from typing import Any

from .http import Refused, Response, answer, forbidden
from .memory import Call, MemoryHomeserver, endpoint
from .rooms import Room

Json = dict[str, Any]

_ALIAS = "m.room.canonical_alias"


@endpoint("GET", "client/v3/directory/room/{}")
def resolve_alias(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[0] not in hs.aliases:
        raise Refused(404, "M_NOT_FOUND", f"Room alias {call.parts[0]} not found")
    return {"room_id": hs.aliases[call.parts[0]], "servers": [hs.server_name]}


@endpoint("PUT", "client/v3/directory/room/{}")
def put_alias(hs: MemoryHomeserver, call: Call) -> Json:
    alias, room_id = call.parts[0], call.body.get("room_id")
    if not isinstance(room_id, str):
        raise Refused(400, "M_MISSING_PARAM", "room_id: Field required")
    _check_alias(hs, call, ".")
    if room_id not in hs.rooms:
        raise Refused(400, "M_UNKNOWN", "Room does not exist")
    if alias in hs.aliases:
        raise Refused(409, "M_UNKNOWN", f"Room alias {alias} already exists")
    hs.aliases[alias] = room_id
    return {}


@endpoint("DELETE", "client/v3/directory/room/{}")
def delete_alias(hs: MemoryHomeserver, call: Call) -> Json:
    alias = call.parts[0]
    _check_alias(hs, call, "")
    if not call.by_appservice:
        if alias not in hs.aliases:
            raise Refused(404, "M_NOT_FOUND", f"Room alias {alias} not found")
        if not _may_list(hs.rooms[hs.aliases[alias]], call.user):
            raise forbidden("You don't have permission to delete the alias.")
    hs.aliases.pop(alias, None)
    return {}


@endpoint("GET", "client/v3/rooms/{}/aliases")
def aliases(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.visible(call)
    return {"aliases": [alias for alias, room_id in hs.aliases.items() if room_id == room.id]}


@endpoint("GET", "client/v3/directory/list/room/{}")
def get_listed(hs: MemoryHomeserver, call: Call) -> Json:
    if call.parts[0] not in hs.rooms:
        raise Refused(404, "M_NOT_FOUND", "Unknown room")
    listed = (None, call.parts[0]) in hs.listed
    return {"visibility": "public" if listed else "private"}


@endpoint("PUT", "client/v3/directory/list/room/{}")
def put_listed(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    if room is None:
        raise Refused(404, "M_NOT_FOUND", "Unknown room")
    if not _may_list(room, call.user):
        raise forbidden(
            "This server requires you to be a moderator in the room to edit its room list entry"
        )
    return _list(hs, call, None, room.id)


@endpoint("PUT", "client/v3/directory/list/appservice/{}/{}")
def put_listed_by_service(hs: MemoryHomeserver, call: Call) -> Json:
    if not call.by_appservice:
        raise forbidden("Only appservices can edit the appservice published room list")
    return _list(hs, call, call.parts[0], call.parts[1])


@endpoint("GET", "client/v3/publicRooms")
def public_rooms(hs: MemoryHomeserver, call: Call) -> Response:
    return _page(hs, {name: values[0] for name, values in call.request.query.items()})


@endpoint("POST", "client/v3/publicRooms")
def search_public_rooms(hs: MemoryHomeserver, call: Call) -> Response:
    return _page(hs, call.body)


def _check_alias(hs: MemoryHomeserver, call: Call, full_stop: str) -> None:
    if call.by_appservice and not hs.alias_namespace.fullmatch(call.parts[0]):
        text = f"This application service has not reserved this kind of alias{full_stop}"
        raise Refused(400, "M_EXCLUSIVE", text)


def _may_list(room: Room, user: str) -> bool:
    levels = room.content("m.room.power_levels")
    needed = levels.get("events", {}).get(_ALIAS, levels.get("state_default", 50))
    return room.power(user) >= int(needed)


def _list(hs: MemoryHomeserver, call: Call, network: str | None, room_id: str) -> Json:
    visibility = call.body.get("visibility", "public" if network is None else None)
    if visibility == "public":
        hs.listed.add((network, room_id))
    elif visibility == "private":
        hs.listed.discard((network, room_id))
    else:
        raise Refused(400, "M_BAD_JSON", "visibility: Input should be 'public' or 'private'")
    return {}


def _page(hs: MemoryHomeserver, wanted: Json) -> Response:
    network = wanted.get("third_party_instance_id")
    everything = wanted.get("include_all_networks") in (True, "true")
    ids = {room_id for where, room_id in hs.listed if everything or where == network}
    term = str((wanted.get("filter") or {}).get("generic_search_term") or "").lower()
    rooms = [_entry(hs.rooms[room_id]) for room_id in ids if room_id in hs.rooms]
    found = [
        room
        for room in rooms
        if any(term in room.get(key, "").lower() for key in ("name", "topic", "canonical_alias"))
        or not term
    ]
    found.sort(key=lambda room: (-room["num_joined_members"], room["room_id"]))
    start = int(wanted.get("since") or 0)
    stop = start + int(wanted.get("limit") or len(found) + 1)
    page: Json = {"chunk": found[start:stop], "total_room_count_estimate": len(found)}
    if start:
        page["prev_batch"] = str(max(0, 2 * start - stop))
    if stop < len(found):
        page["next_batch"] = str(stop)
    return answer(200, page)


def _entry(room: Room) -> Json:
    entry: Json = {
        "room_id": room.id,
        "num_joined_members": len(room.members()),
        "world_readable": room.content("m.room.history_visibility").get("history_visibility")
        == "world_readable",
        "guest_can_join": room.content("m.room.guest_access").get("guest_access") == "can_join",
        "join_rule": room.content("m.room.join_rules").get("join_rule", "invite"),
    }
    for kind, key, name in (
        ("m.room.name", "name", "name"),
        ("m.room.topic", "topic", "topic"),
        ("m.room.avatar", "url", "avatar_url"),
        (_ALIAS, "alias", "canonical_alias"),
        ("m.room.create", "type", "room_type"),
    ):
        if isinstance(room.content(kind).get(key), str):
            entry[name] = room.content(kind)[key]
    return entry
