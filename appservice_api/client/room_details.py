"""Details of a room: name, topic, avatar, pinned events, join rule, members."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .. import errors, events
from ..api.options import CallOptions, EventOptions
from ..compat import Unpack
from ..errors import MatrixRequestError
from ..events.membership import Membership
from ..ids import ContentURI, EventID, RoomID, UserID
from .joining import JoiningMethods
from .messages import MessageMethods
from .state_change import StateChangeMethods

__all__ = ["RoomDetailMethods"]

_PINS = "m.room.pinned_events"
_JOIN_RULES = ("public", "invite", "knock", "restricted", "knock_restricted", "private")
_WITH_ALLOW = ("restricted", "knock_restricted")


class RoomDetailMethods(MessageMethods, JoiningMethods, StateChangeMethods):
    """Reading and setting details of a room."""

    __slots__ = ()

    def set_room_name(self, room_id: str, name: str, **options: Unpack[EventOptions]) -> EventID:
        """Set the name of a room.

        Args:
            room_id: The room.
            name: The name; an empty one removes the room's name.
            options: See :class:`EventOptions`.

        Returns:
            The event ID.

        Raises:
            ValueError: An argument can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.name``.
        """
        return self.send_state_event(
            room_id, "m.room.name", {"name": _text("name", name)}, **options
        )

    def set_room_topic(self, room_id: str, topic: str, **options: Unpack[EventOptions]) -> EventID:
        """Set the topic of a room; see :meth:`set_room_name`.

        Spec: Client-Server API, ``m.room.topic``.
        """
        content: dict[str, Any] = {"topic": _text("topic", topic)}
        if topic:
            content["m.topic"] = {"m.text": [{"body": topic}]}
        return self.send_state_event(room_id, "m.room.topic", content, **options)

    def set_room_avatar(
        self, room_id: str, avatar_url: str | None, **options: Unpack[EventOptions]
    ) -> EventID:
        """Set the avatar of a room; see :meth:`set_room_name`.

        Args:
            room_id: The room.
            avatar_url: The ``mxc://`` URI of the image; None removes the avatar.
            options: See :class:`EventOptions`.

        Spec: Client-Server API, ``m.room.avatar``.
        """
        content = {"url": ContentURI(avatar_url)} if avatar_url is not None else {}
        return self.send_state_event(room_id, "m.room.avatar", content, **options)

    def set_join_rule(
        self,
        room_id: str,
        join_rule: str,
        allow: Iterable[str | Mapping[str, Any]] | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Set who may join a room; see :meth:`set_room_name`.

        Args:
            room_id: The room.
            join_rule: ``public``, ``invite``, ``knock``, ``restricted``, ``knock_restricted`` or
                ``private``; any other name must have a dot.
            allow: With a restricted rule, the rooms whose members may join: room IDs, or
                conditions in the form of the specification.
            options: See :class:`EventOptions`.

        Spec: Client-Server API, ``m.room.join_rules``.
        """
        rule = _text("join_rule", join_rule)
        if rule not in _JOIN_RULES and "." not in rule:
            raise ValueError(f"join_rule must be one of {', '.join(_JOIN_RULES)}, not {rule!r}")
        content: dict[str, Any] = {"join_rule": rule}
        if allow is not None:
            if rule in _JOIN_RULES and rule not in _WITH_ALLOW:
                raise ValueError(f"allow has no meaning with join_rule {rule!r}")
            conditions = [allow] if isinstance(allow, (str, Mapping)) else allow
            content["allow"] = [_condition(one) for one in conditions]
        return self.send_state_event(room_id, "m.room.join_rules", content, **options)

    def get_pinned_messages(self, room_id: str, **options: Unpack[CallOptions]) -> list[EventID]:
        """Get the pinned events of a room.

        Args:
            room_id: The room.
            options: See :class:`CallOptions`.

        Returns:
            The event IDs, in the room's order; empty if no event is pinned.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.pinned_events``.
        """
        try:
            return _pinned(self.get_state_event(room_id, _PINS, **options))
        except errors.MNotFound:
            return []

    def set_pinned_messages(
        self, room_id: str, events: Iterable[str], **options: Unpack[EventOptions]
    ) -> EventID:
        """Replace the pinned events of a room; see :meth:`set_room_name`.

        Args:
            room_id: The room.
            events: The event IDs, in order.
            options: See :class:`EventOptions`.

        Spec: Client-Server API, ``m.room.pinned_events``.
        """
        if isinstance(events, str):
            raise ValueError(f"events must be a list of event IDs, not {events!r}")
        content = {"pinned": [EventID(event) for event in events]}
        sent: EventID = self._in_turn(
            room_id, _PINS, lambda: self.send_state_event(room_id, _PINS, content, **options)
        )
        return sent

    def pin_message(self, room_id: str, event_id: str, **options: Unpack[EventOptions]) -> None:
        """Pin an event to a room, after the other pinned events; nothing is sent if it is pinned.
        Threads that pin in one room do so one after the other, so that no pin is lost.

        Args:
            room_id: The room.
            event_id: The event.
            options: See :class:`EventOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.pinned_events``.
        """
        event = EventID(event_id)
        self._change_pins(room_id, lambda pins: pins if event in pins else [*pins, event], options)

    def unpin_message(self, room_id: str, event_id: str, **options: Unpack[EventOptions]) -> None:
        """Unpin an event; see :meth:`pin_message`."""
        event = EventID(event_id)
        self._change_pins(room_id, lambda pins: [one for one in pins if one != event], options)

    def _change_pins(
        self,
        room_id: str,
        change: Callable[[list[EventID]], list[EventID]],
        options: EventOptions,
    ) -> None:
        def change_content(present: dict[str, Any] | None) -> dict[str, Any] | None:
            pins = _pinned(present or {})
            new = change(pins)
            return {**(present or {}), "pinned": new} if new != pins else None

        self._change_state(room_id, _PINS, change_content, options)

    def get_room_member_info(
        self,
        room_id: str,
        user_id: str,
        ignore_cache: bool = False,
        **options: Unpack[CallOptions],
    ) -> events.Member:
        """Get a user's membership, display name and avatar in a room. The homeserver is asked
        unless a display name or an avatar is known.

        Args:
            room_id: The room.
            user_id: The user.
            ignore_cache: Ask the homeserver anyway.
            options: See :class:`CallOptions`.

        Returns:
            The content of the user's ``m.room.member`` event.

        Raises:
            MNotFound: The user has never had a membership in the room.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``m.room.member``.
        """
        known = None if ignore_cache else self.api.state_store.get_member(
            RoomID(room_id), UserID(user_id)
        )  # fmt: skip
        # After invites and joins, a membership may be known without the profile.
        if known is not None and known.keys() > {"membership"}:
            return events.Member(known)
        return events.Member(
            self.get_state_event(room_id, "m.room.member", UserID(user_id), **options)
        )

    def get_room_displayname(
        self,
        room_id: str,
        user_id: str,
        ignore_cache: bool = False,
        **options: Unpack[CallOptions],
    ) -> str | None:
        """Get a user's display name in a room, None if there is none; see
        :meth:`get_room_member_info`."""
        return (
            self.get_room_member_info(room_id, user_id, ignore_cache, **options).displayname or None
        )

    def get_room_avatar_url(
        self,
        room_id: str,
        user_id: str,
        ignore_cache: bool = False,
        **options: Unpack[CallOptions],
    ) -> ContentURI | None:
        """Get a user's avatar in a room, None if there is none; see
        :meth:`get_room_member_info`."""
        return (
            self.get_room_member_info(room_id, user_id, ignore_cache, **options).avatar_url or None
        )

    def get_room_members(
        self,
        room_id: str,
        allowed_memberships: Iterable[Membership | str] = (Membership.JOIN,),
        ignore_cache: bool = False,
        **options: Unpack[CallOptions],
    ) -> list[UserID]:
        """List the members of a room. The homeserver isn't asked if all joined members are
        known and only they are requested.

        Args:
            room_id: The room.
            allowed_memberships: The memberships to include.
            ignore_cache: Ask the homeserver even if all are known. (Later changes are known only
                if the state store gets the room's events.)
            options: See :class:`CallOptions`.

        Returns:
            The user IDs.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /rooms/{roomId}/members`` and
        ``GET /rooms/{roomId}/joined_members``.
        """
        given = allowed_memberships
        wanted = {Membership.known(one) for one in ([given] if isinstance(given, str) else given)}
        if wanted == {Membership.JOIN}:
            full = self.api.state_store.has_full_member_list(RoomID(room_id))
            if full and not ignore_cache:
                return self.api.state_store.get_members(room_id, wanted)
            return list(self.get_joined_members(room_id, **options))
        only = next(iter(wanted)).value if len(wanted) == 1 else None
        return [
            UserID.read(event["state_key"])
            for event in self.get_members(room_id, membership=only, **options)
            if isinstance(event.get("state_key"), str) and _membership(event) in wanted
        ]

    def error_and_leave(
        self,
        room_id: str,
        text: str | None = None,
        html: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send a notice with the reason, and leave the room, even if the homeserver refuses the
        notice.

        Args:
            room_id: The room.
            text: The plain text; made from ``html`` if None.
            html: The formatted text, or None.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        try:
            self.send_notice(room_id, text, html, **options)
        except MatrixRequestError:
            self.leave_room(room_id, **options)
            raise
        self.leave_room(room_id, **options)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a str, not {value!r}")
    return str(value)


def _condition(given: str | Mapping[str, Any]) -> dict[str, Any]:
    """A condition of a restricted join rule."""
    if isinstance(given, Mapping):
        return dict(given)
    return {"type": "m.room_membership", "room_id": RoomID(given)}


def _pinned(content: Mapping[str, Any]) -> list[EventID]:
    found = content.get("pinned")
    events = found if isinstance(found, list) else []
    return [EventID.read(event) for event in events if isinstance(event, str)]


def _membership(event: Mapping[str, Any]) -> object:
    content = event.get("content")
    return content.get("membership") if isinstance(content, Mapping) else None
