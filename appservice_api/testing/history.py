"""Endpoints that read rooms: events, pages, relations, members."""

from __future__ import annotations

from typing import Any

from .http import Refused, forbidden
from .memory import Call, MemoryHomeserver, endpoint
from .rooms import Event, Room

Json = dict[str, Any]

_RELATIONS = "client/v1/rooms/{}/relations/{}"


@endpoint("GET", "client/v3/rooms/{}/event/{}")
def get_event(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    event = room.event(call.parts[1]) if room else None
    if room is None or event is None or room.membership(call.user) != "join":
        raise Refused(404, "M_NOT_FOUND", "Event not found.")
    return event


@endpoint("GET", "client/v3/rooms/{}/context/{}")
def context(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    event = room.event(call.parts[1]) if room else None
    if room is None or event is None:
        raise Refused(404, "M_NOT_FOUND", "Event not found.")
    if room.membership(call.user) != "join":
        raise forbidden("You don't have permission to access that event.")
    place, half = room.timeline.index(event), int(_query(call).get("limit", 10)) // 2
    first, last = max(0, place - half), min(len(room.timeline), place + 1 + half)
    return {
        "event": event,
        "events_before": room.timeline[first:place][::-1],
        "events_after": room.timeline[place + 1 : last],
        "start": f"t{first}",
        "end": f"t{last}",
        "state": list(_state(room, last).values()),
    }


@endpoint("GET", "client/v3/rooms/{}/messages")
def messages(hs: MemoryHomeserver, call: Call) -> Json:
    timeline = hs.visible(call).timeline
    query = _query(call)
    limit = int(query.get("limit", 10))
    if query.get("dir") == "f":
        start = _place(query.get("from", "t0"))
        stop = min(start + limit, len(timeline))
        chunk, more = timeline[start:stop], stop < len(timeline)
    else:
        start = _place(query.get("from", f"t{len(timeline)}"))
        stop = max(start - limit, 0)
        chunk, more = timeline[stop:start][::-1], stop > 0
    return {"chunk": chunk, "start": f"t{start}", **({"end": f"t{stop}"} if more else {})}


@endpoint("GET", _RELATIONS, f"{_RELATIONS}/{{}}", f"{_RELATIONS}/{{}}/{{}}")
def relations(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.visible(call)
    parent, *wanted = call.parts[1:]
    if room.event(parent) is None:
        raise Refused(404, "M_UNKNOWN", "Unknown parent event.")
    query = _query(call)
    found = [
        (number, event)
        for number, event in enumerate(room.timeline)
        if (relation := relates_to(event)).get("event_id") == parent
        and wanted == [relation.get("rel_type"), event["type"]][: len(wanted)]
    ]
    if query.get("dir", "b") == "b":
        found.reverse()
        start = _place(query.get("from", f"t{len(room.timeline)}"))
        found = [(number, event) for number, event in found if number < start]
    else:
        start = _place(query.get("from", "t0"))
        found = [(number + 1, event) for number, event in found if number >= start]
    page, rest = found[: (limit := int(query.get("limit", 5)))], found[limit:]
    more = {"next_batch": f"t{page[-1][0]}"} if rest and page else {}
    return {"chunk": [event for _, event in page], **more}


@endpoint("GET", "client/v1/rooms/{}/timestamp_to_event")
def timestamp_to_event(hs: MemoryHomeserver, call: Call) -> Json:
    room, query = hs.joined(call), _query(call)
    forwards, when = query.get("dir", "f") == "f", int(query["ts"])
    times = [(event["origin_server_ts"], event["event_id"]) for event in room.timeline]
    if forwards:
        found = min((one for one in times if one[0] >= when), key=lambda one: one[0], default=None)
    else:
        times.reverse()
        found = max((one for one in times if one[0] <= when), key=lambda one: one[0], default=None)
    if found is None:
        way = f"Direction.{'FORWARDS' if forwards else 'BACKWARDS'}"
        raise Refused(404, "M_NOT_FOUND", f"Unable to find event from {when} in direction {way}")
    return {"event_id": found[1], "origin_server_ts": found[0]}


@endpoint("GET", "client/v3/rooms/{}/members")
def members(hs: MemoryHomeserver, call: Call) -> Json:
    room, query = hs.visible(call), _query(call)
    state = _state(room, _place(query["at"])) if "at" in query else room.state
    only, other = query.get("membership"), query.get("not_membership")
    return {
        "chunk": [
            event
            for (kind, _), event in state.items()
            if kind == "m.room.member"
            and only in (None, event["content"].get("membership"))
            and (other is None or event["content"].get("membership") != other)
        ]
    }


@endpoint("GET", "client/v3/rooms/{}/joined_members")
def joined_members(hs: MemoryHomeserver, call: Call) -> Json:
    room = hs.rooms.get(call.parts[0])
    members = room.members() if room else []
    if call.user not in members:
        if not call.by_appservice:
            raise forbidden(f"User {call.user} not in room {call.parts[0]}")
        # Whoever is acting: one user of the application service in the room is enough.
        if not any(user == hs.sender or hs.namespace.fullmatch(user) for user in members):
            raise forbidden("Appservice not in room")
    joined = {}
    for user in members:
        member = room.content("m.room.member", user) if room else {}
        joined[user] = {
            "display_name": member.get("displayname"),
            "avatar_url": member.get("avatar_url"),
        }
    return {"joined": joined}


@endpoint("GET", "client/v3/joined_rooms")
def joined_rooms(hs: MemoryHomeserver, call: Call) -> Json:
    rooms = hs.rooms.values()
    return {"joined_rooms": [one.id for one in rooms if one.membership(call.user) == "join"]}


def relates_to(event: Event) -> Json:
    """The `m.relates_to` of an event, empty if there is none."""
    found = event["content"].get("m.relates_to")
    return found if isinstance(found, dict) else {}


def _query(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in call.request.query.items()}


def _place(token: str) -> int:
    """The position in a timeline that a token stands for."""
    if not token.startswith("t") or not token[1:].isdecimal():
        raise Refused(400, "M_UNKNOWN", "Invalid stream token")
    return int(token[1:])


def _state(room: Room, place: int) -> dict[tuple[str, str], Event]:
    """The state of a room before a position in its timeline."""
    return {
        (event["type"], event["state_key"]): event
        for event in room.timeline[:place]
        if "state_key" in event
    }
