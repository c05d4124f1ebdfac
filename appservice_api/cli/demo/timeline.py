"""The timeline of a room as a table."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from ...operations.outcome import one_line

__all__ = ["legend", "timeline"]

Event = Mapping[str, Any]

_MEMBERSHIPS = {"invite": "invites {}", "join": "joins", "leave": "leaves", "ban": "bans {}"}
_QUOTED = 24
# From how many columns on the time is shown, and from how many the type, too.
_WIDE, _WIDER = 50, 72
# Sent; sent, and pushed back; received from others.
_SENT, _BACK, _RECEIVED = "→", "→ ✓", "←"
_ASCII = str.maketrans("→✓←", ">*<")
_LEGEND = """\
→ sent by the application service; ✓ it came back, too
← from others, pushed to its receiver"""


def timeline(
    events: Sequence[Event], names: Mapping[str, str], sent: Container[str],
    received: Container[str], *, width: int = 80, ascii_only: bool = False,
) -> Table:  # fmt: skip
    """Make the table.

    Args:
        events: The events, oldest first.
        names: The display names by user ID.
        sent: The IDs of those that the application service sent.
        received: The IDs of those that were pushed to it.
        width: The terminal's columns; time and type are left out on a narrow one.
        ascii_only: Whether the terminal can't show arrows.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    if width >= _WIDE:
        table.add_column("Time", style="dim", no_wrap=True)
    table.add_column("", style="green", no_wrap=True)
    table.add_column("Sender", style="cyan", no_wrap=True)
    if width >= _WIDER:
        table.add_column("Type", style="dim", no_wrap=True)
    table.add_column("What", overflow="fold")
    describe = _Describer(events, names)
    for event in events:
        event_id = str(event.get("event_id"))
        way = _way(event_id in sent, event_id in received)
        cells: list[str | Text] = [_arrows(way, ascii_only), describe.name(event.get("sender"))]
        if width >= _WIDE:
            cells.insert(0, _time(event.get("origin_server_ts")))
        if width >= _WIDER:
            cells.append(Text(one_line(event.get("type"))))
        table.add_row(*cells, describe.what(event))
    return table


def legend(ascii_only: bool = False) -> str:
    """The legend of the arrows, in lines of less than 60 columns."""
    return _arrows(_LEGEND, ascii_only)


def _way(sent: bool, received: bool) -> str:
    if sent:
        return _BACK if received else _SENT
    return _RECEIVED if received else ""


def _arrows(text: str, ascii_only: bool) -> str:
    return text.translate(_ASCII) if ascii_only else text


def _time(milliseconds: Any) -> str:
    """Local time, with the date if it isn't today."""
    if not isinstance(milliseconds, int):
        return ""
    when = datetime.fromtimestamp(milliseconds / 1000)
    return f"{when:%H:%M:%S}" if when.date() == datetime.now().date() else f"{when:%b %d %H:%M}"


def _part(value: Event, key: str) -> Event:
    """A value that should be a dict; an empty one if it isn't."""
    part = value.get(key)
    return part if isinstance(part, dict) else {}


class _Describer:
    """Describes events in words. Texts of users are never interpreted as markup."""

    def __init__(self, events: Sequence[Event], names: Mapping[str, str]) -> None:
        self._events = {str(event.get("event_id")): event for event in events}
        self._names = names

    def name(self, user_id: Any) -> Text:
        """The display name of a user, or the user ID."""
        return Text(one_line(self._names.get(str(user_id), user_id)))

    def what(self, event: Event) -> Text:
        """The description of an event."""
        content = _part(event, "content")
        kind = event.get("type")
        if kind == "m.room.message":
            return Text(one_line(self._message(content)))
        if kind == "m.reaction":
            relation = _part(content, "m.relates_to")
            return Text(f"{one_line(relation.get('key'))} to {self._quote(relation)}")
        if kind == "m.room.member":
            words = _MEMBERSHIPS.get(str(content.get("membership")), "")
            return Text(words.format(self.name(event.get("state_key"))))
        if kind == "m.room.create":
            return Text(f"makes the room, version {one_line(content.get('room_version'))}")
        return Text(one_line(content.get("name", "")))

    def _message(self, content: Event) -> str:
        relation = _part(content, "m.relates_to")
        if relation.get("rel_type") == "m.replace":
            changed = _part(content, "m.new_content").get("body")
            return f"edits {self._quote(relation)}: {changed}"
        body = str(content.get("body"))
        if "m.in_reply_to" in relation:
            return f"replies to {self._quote(_part(relation, 'm.in_reply_to'))}: {body}"
        if content.get("msgtype") == "m.image":
            info = _part(content, "info")
            return f"{body}, {info.get('w')} by {info.get('h')}, {info.get('size')} bytes"
        return body

    def _quote(self, relation: Event) -> str:
        content = _part(self._events.get(str(relation.get("event_id")), {}), "content")
        body = one_line(content.get("body", "an event"))
        return f"“{body}”" if len(body) <= _QUOTED else f"“{body[:_QUOTED].rstrip()}…”"
