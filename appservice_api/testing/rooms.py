"""Rooms in memory: events, state, and the rules that Synapse holds senders to."""

from __future__ import annotations

import copy
import itertools
from typing import Any

from ..clock import now
from .levels import power_levels
from .refused import Refused, forbidden

Event = dict[str, Any]

_MEMBERSHIPS = {"unban": "leave", "kick": "leave"}
_numbers = itertools.count(1)


class Room:
    """One room. Not locked: whoever holds it does that.

    Args:
        room_id: The room's ID.
        creator: The user who makes it, and joins it.
        preset: "private_chat", "trusted_private_chat" or "public_chat".
        invitees: Users to be invited by the caller later; a trusted room gives them power.
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
        """Add an event without asking whether it is allowed.

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
        """The content of a state event.

        Args:
            kind: The event's type.
            state_key: Its state key.

        Returns:
            The content, empty if there is no such state.
        """
        event = self.state.get((kind, state_key))
        return event["content"] if event else {}

    def event(self, event_id: str) -> Event | None:
        """An event of the timeline.

        Args:
            event_id: The event's ID.

        Returns:
            The event, None if there is no such event.
        """
        return next((event for event in self.timeline if event["event_id"] == event_id), None)

    def membership(self, user: str) -> str | None:
        """A user's membership.

        Args:
            user: The user's ID.

        Returns:
            "join", "invite", "leave", "ban", "knock", or None.
        """
        return self.content("m.room.member", user).get("membership")

    def members(self, membership: str = "join") -> list[str]:
        """The users of one membership.

        Args:
            membership: Which.

        Returns:
            Their IDs.
        """
        return [
            user
            for (kind, user), event in self.state.items()
            if kind == "m.room.member" and event["content"].get("membership") == membership
        ]

    def power(self, user: str) -> int:
        """A user's power level.

        Args:
            user: The user's ID.

        Returns:
            The level.
        """
        levels = self.content("m.room.power_levels")
        return int(levels.get("users", {}).get(user, levels.get("users_default", 0)))

    def level(self, name: str, default: int) -> int:
        """The level that an action needs.

        Args:
            name: "invite", "kick", "ban" or "redact".
            default: When the room doesn't say.

        Returns:
            The level.
        """
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
        """Add an event if its sender may send it; the same state again changes nothing.

        Args:
            sender: Who sends it.
            kind: The event's type.
            content: The event's content.
            state_key: None: not a state event.
            ts: Milliseconds since 1970; None is now.
            more: Further top-level keys.

        Returns:
            The event, or the state event that already says so.

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
            sender: Who does it.
            target: To whom; a kick by another name is a leave of someone else.
            content: More keys for the member event.
            ts: Milliseconds since 1970; None is now.

        Returns:
            The member event, or the one that already says so.

        Raises:
            Refused: Not allowed.
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
        """The timeline, for somebody outside the lock.

        Returns:
            Deep copies, oldest first.
        """
        return copy.deepcopy(self.timeline)
