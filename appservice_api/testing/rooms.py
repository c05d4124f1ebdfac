"""Rooms in memory: events, state, and Synapse's rules for who may send."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from ..clock import now
from .http import Refused, forbidden

Event = dict[str, Any]

_MEMBERSHIPS = {"unban": "leave", "kick": "leave"}
_numbers = itertools.count(1)


class Room:
    """One room. The caller holds the lock of the homeserver.

    Args:
        room_id: The room's ID.
        creator: The user who makes it, and joins it.
        preset: "private_chat", "trusted_private_chat" or "public_chat".
        invitees: Users whom the caller will invite; a trusted room gives them the creator's level.
    """

    def __init__(
        self, room_id: str, creator: str, preset: str, invitees: list[str] | None = None
    ) -> None:
        self.id = room_id
        self.timeline: list[Event] = []
        self.state: dict[tuple[str, str], Event] = {}
        public = preset == "public_chat"
        ops = invitees or [] if preset == "trusted_private_chat" else []
        self.append(creator, "m.room.create", {"creator": creator, "room_version": "10"}, "")
        self.append(creator, "m.room.member", {"membership": "join"}, creator)
        levels = power_levels(creator, ops, 50 if public else 0)
        self.append(creator, "m.room.power_levels", levels, "")
        rule = {"join_rule": "public" if public else "invite"}
        self.append(creator, "m.room.join_rules", rule, "")
        self.append(creator, "m.room.history_visibility", {"history_visibility": "shared"}, "")

    def append(
        self,
        sender: str,
        kind: str,
        content: dict[str, Any],
        state_key: str | None = None,
        ts: int | None = None,
        **more: Any,
    ) -> Event:
        """Add an event without checking whether it is allowed.

        Args:
            sender: Who sends it.
            kind: The event's type.
            content: The event's content.
            state_key: None: not a state event.
            ts: Milliseconds since 1970; None is now.
            more: Further top-level keys.

        Returns:
            The event.
        """
        event: Event = {
            "event_id": f"$event{next(_numbers)}",
            "room_id": self.id,
            "sender": sender,
            "type": kind,
            "content": content,
            "origin_server_ts": now() if ts is None else ts,
            "unsigned": {},
            **more,
        }
        if state_key is not None:
            event["state_key"] = state_key
            self.state[kind, state_key] = event
        self.timeline.append(event)
        return event

    def content(self, kind: str, state_key: str = "") -> dict[str, Any]:
        """The content of a state event, empty if there is none of this type and state key."""
        event = self.state.get((kind, state_key))
        return event["content"] if event else {}

    def event(self, event_id: str) -> Event | None:
        """The event of the timeline with this ID, None if there is none."""
        return next((event for event in self.timeline if event["event_id"] == event_id), None)

    def membership(self, user: str) -> str | None:
        """A user's membership: "join", "invite", "leave", "ban", "knock", or None."""
        return self.content("m.room.member", user).get("membership")

    def members(self, membership: str = "join") -> list[str]:
        """The IDs of the users with a membership."""
        return [
            user
            for (kind, user), event in self.state.items()
            if kind == "m.room.member" and event["content"].get("membership") == membership
        ]

    def power(self, user: str) -> int:
        """A user's power level."""
        levels = self.content("m.room.power_levels")
        return int(levels.get("users", {}).get(user, levels.get("users_default", 0)))

    def level(self, name: str, default: int) -> int:
        """The level that an action ("invite", "kick", "ban" or "redact") needs."""
        return int(self.content("m.room.power_levels").get(name, default))

    def send(
        self,
        sender: str,
        kind: str,
        content: dict[str, Any],
        state_key: str | None = None,
        ts: int | None = None,
        **more: Any,
    ) -> Event:
        """Add an event if its sender may send it. State that is the same as before isn't added.

        Args:
            sender: Who sends it.
            kind: The event's type.
            content: The event's content.
            state_key: None: not a state event.
            ts: Milliseconds since 1970; None is now.
            more: Further top-level keys.

        Returns:
            The event, or the present state event if its content is the same.

        Raises:
            Refused: The sender isn't in the room or lacks the power.
        """
        if kind == "m.room.member" and state_key is not None:
            return self.change(str(content.get("membership")), sender, state_key, content, ts)
        if self.membership(sender) != "join":
            raise forbidden(f"User {sender} not in room {self.id}")
        levels = self.content("m.room.power_levels")
        name, default = ("events_default", 0) if state_key is None else ("state_default", 50)
        need = int(levels.get("events", {}).get(kind, levels.get(name, default)))
        if self.power(sender) < need:
            raise forbidden(
                "You don't have permission to post that to the room. "
                f"user_level ({self.power(sender)}) < send_level ({need})"
            )
        if state_key is not None:
            old = self.state.get((kind, state_key))
            if old and old["content"] == content:
                return old
        return self.append(sender, kind, content, state_key, ts, **more)

    def change(
        self,
        action: str,
        sender: str,
        target: str,
        content: dict[str, Any] | None = None,
        ts: int | None = None,
    ) -> Event:
        """Change a membership.

        Args:
            action: "join", "invite", "leave", "kick", "ban" or "unban".
            sender: Who changes it.
            target: The user whose membership changes.
            content: More keys for the member event.
            ts: Milliseconds since 1970; None is now.

        Returns:
            The member event, or the present one if it is the same.

        Raises:
            Refused: The change isn't allowed.
        """
        new = _MEMBERSHIPS.get(action, action)
        if new not in ("join", "invite", "leave", "ban", "knock"):
            raise Refused(400, "M_UNKNOWN", "Invalid membership key")
        old = self.membership(target)
        self._check_transition(action, old)
        wanted = {**(content or {}), "membership": new}
        event = self.state.get(("m.room.member", target))
        if event and event["sender"] == sender and event["content"] == wanted:
            return event
        if action == "kick" and old in (None, "leave", "ban"):
            raise forbidden("The target user is not in the room")
        self._check_membership(new, old, sender, target)
        return self.append(sender, "m.room.member", wanted, target, ts)

    @staticmethod
    def _check_transition(action: str, old: str | None) -> None:
        if action == "unban" and old is not None and old != "ban":
            text = f"Cannot unban user who was not banned (membership={old})"
            raise Refused(403, "M_BAD_STATE", text)
        if old == "ban" and action not in ("ban", "unban", "leave"):
            raise Refused(403, "M_BAD_STATE", f"Cannot {action} user who was banned")

    def _check_membership(self, new: str, old: str | None, sender: str, target: str) -> None:
        rule = self.content("m.room.join_rules").get("join_rule", "invite")
        if new == "knock":
            if old == "join":
                raise forbidden("You cannot knock on a room you are already in")
            if rule not in ("knock", "knock_restricted"):
                raise forbidden("You don't have permission to knock")
            return
        if new == "join":
            if sender != target:
                raise forbidden("Cannot force another user to join.")
            if rule != "public" and old not in ("join", "invite"):
                raise forbidden("You are not invited to this room.")
            return
        if new == "leave" and sender == target and old in ("join", "invite", "knock"):
            return
        if self.membership(sender) != "join":
            raise forbidden(f"{sender} not in room {self.id}.")
        if new == "invite" and old == "join":
            raise forbidden(f"{target} is already in the room.")
        power, above = self.power(sender), self.power(target)
        if new == "invite" and power < self.level("invite", 0):
            raise forbidden("You don't have permission to invite users")
        if new == "ban" and (power < self.level("ban", 50) or power <= above):
            raise forbidden("You don't have permission to ban")
        if new == "leave" and sender != target:
            if old == "ban" and power < self.level("ban", 50):
                raise forbidden(f"You cannot unban user {target}.")
            if power < self.level("kick", 50) or power <= above:
                raise forbidden(f"You cannot kick user {target}.")

    def copy_events(self) -> list[Event]:
        """Deep copies of the timeline's events, oldest first."""
        return copy.deepcopy(self.timeline)


def power_levels(creator: str, ops: list[str], invite: int) -> dict[str, Any]:
    """The content of m.room.power_levels that Synapse gives a new room.

    Args:
        creator: Who made the room.
        ops: Users who get the creator's level.
        invite: The level that inviting needs.
    """
    return {
        "users": dict.fromkeys([creator, *ops], 100),
        "users_default": 0,
        "events": {
            "m.room.name": 50,
            "m.room.power_levels": 100,
            "m.room.history_visibility": 100,
            "m.room.canonical_alias": 50,
            "m.room.avatar": 50,
            "m.room.tombstone": 100,
            "m.room.server_acl": 100,
            "m.room.encryption": 100,
        },
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": invite,
        "historical": 100,
    }
