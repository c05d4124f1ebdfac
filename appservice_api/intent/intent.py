"""IntentAPI: everything that a user can do; Room: everything that a user can do in one room."""

from __future__ import annotations

import weakref

from .. import events
from ..api.speaker import Speaker
from ..client import ClientAPI
from ..ids import RoomAlias, RoomID, UserID
from ..state_store.items import copied
from .joining import Joining
from .powers import EnsuringPower
from .verb import looking, verb

__all__ = ["IntentAPI", "Room"]


class IntentAPI(Joining, EnsuringPower, ClientAPI):
    """Acts as one user: a ghost, the bot or a real user.

    A request is sent immediately. If the homeserver refuses it, the user is registered, invited by
    the bot and joined, and the same request is sent again. :meth:`AppServiceAPI.intent` makes
    intents; they are thread-safe and cheap.

    Args:
        api: The API of the user.
        ensure_joined: False: never register or join by itself.
    """

    __slots__ = ("__weakref__", "_ensures", "api")

    def __init__(self, api: Speaker, *, ensure_joined: bool = True) -> None:
        self.api = api
        self._ensures = ensure_joined

    @staticmethod
    def of(api: Speaker, *, ensure_joined: bool = True) -> IntentAPI:
        """The intent of a speaker. With ``ensure_joined``, it is the same object while a reference
        to it exists."""
        if not ensure_joined:
            return IntentAPI(api, ensure_joined=False)
        intent: IntentAPI | None = api._intent() if api._intent is not None else None
        if intent is None:
            with api._shared.lock:
                intent = api._intent() if api._intent is not None else None
                if intent is None:
                    intent = IntentAPI(api)
                    api._intent = weakref.ref(intent)
        return intent

    @property
    def bot(self) -> IntentAPI:
        """The intent of the application service's bot."""
        return self.of(self.api._root._bot())

    def _bot_if_any(self) -> IntentAPI | None:
        return None if self.api._root.is_real_user else self.bot

    def user(
        self,
        user_id: str,
        token: str | None = None,
        base_url: object = None,
        as_token: bool = False,
    ) -> IntentAPI:
        """Get the intent of another user; see :meth:`AppServiceAPI.intent`.

        Args:
            user_id: The user.
            token: The user's access token, for real users only.
            base_url: The URL of the homeserver, for real users only.
            as_token: ``token`` belongs to an application service (this one's if None).
        """
        return self.of(self.api._root._speaker_for(user_id, token, base_url, as_token, None))

    def room(self, room_id: str) -> Room:
        """Get a room, as this user sees it. No request is sent.

        Args:
            room_id: The room.

        Raises:
            ValueError: ``room_id`` isn't a room ID; resolve an alias first.
        """
        return Room(self, room_id)

    def __repr__(self) -> str:
        return f"<IntentAPI of {self.api.acting_user or 'the application service'}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "an intent can't be pickled: it belongs to an API with a token and open connections. "
            "Pass the user ID, and call intent() in each process."
        )


class Room:
    """A room, as one user sees it: the intent's methods without their first argument.

    :meth:`IntentAPI.room` makes rooms. A room holds only the intent and the room ID; two rooms with
    the same ones are equal. Creating one sends no request. Each property asks the homeserver each
    time and changes nothing: no user is registered or joined, nothing is stored. If the user may
    not see the room, :class:`MForbidden` is raised, which then is an AttributeError too, so that
    ``hasattr()`` is False. The methods join first.

    Args:
        intent: The intent of the user.
        room_id: The room.

    Raises:
        ValueError: ``room_id`` isn't a room ID.
    """

    __slots__ = ("intent", "room_id")
    intent: IntentAPI
    room_id: RoomID

    def __init__(self, intent: IntentAPI, room_id: str) -> None:
        self.intent = intent
        self.room_id = RoomID(room_id)

    @property
    def name(self) -> str | None:
        """The name, None if it has none. One request."""
        return self._text("m.room.name", "name")

    @property
    def topic(self) -> str | None:
        """The topic, None if it has none. One request."""
        return self._text("m.room.topic", "topic")

    @property
    def alias(self) -> RoomAlias | None:
        """The canonical alias, None if it has none. One request."""
        found = self._text("m.room.canonical_alias", "alias")
        return None if found is None else RoomAlias.read(found)

    @property
    def members(self) -> dict[UserID, events.Member]:
        """The joined members' ``displayname`` and ``avatar_url``, by user ID. One request."""
        with looking():
            return self.intent._ask_members(self.room_id, {"ensure_joined": False})

    @property
    def power_levels(self) -> events.PowerLevelStateEventContent:
        """The power levels; the defaults if the room has none. One request, unless they are
        known."""
        known = self.intent.api.state_store.get_power_levels(self.room_id)
        if known is None:
            known = self._look("m.room.power_levels")
        return events.PowerLevelStateEventContent(copied(known or {}))

    @property
    def version(self) -> str | None:
        """The room version, None if the room can't be found. One request."""
        create = self._look("m.room.create")
        if create is None:
            return None
        found = create.get("room_version")
        return found if isinstance(found, str) else "1"

    @property
    def is_encrypted(self) -> bool:
        """Whether messages must be encrypted. One request, unless the room is known to be
        encrypted: encryption can't be turned off again."""
        known = self.intent.api.state_store.is_encrypted(self.room_id)
        return known or self._look("m.room.encryption") is not None

    def _look(self, event_type: str) -> events.EventContent | None:
        with looking():
            return self.intent._look(self.room_id, event_type)

    def _text(self, event_type: str, key: str) -> str | None:
        """A text in the content of a state event, None if it is missing or empty."""
        content = self._look(event_type)
        found = content.get(key) if content is not None else None
        return found if isinstance(found, str) and found else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Room):
            return NotImplemented
        return self.intent.api == other.intent.api and self.room_id == other.room_id

    def __hash__(self) -> int:
        return hash((self.intent.api, self.room_id))

    def __repr__(self) -> str:
        user = self.intent.api.acting_user or "the application service"
        return f"<Room {self.room_id} as {user}>"

    # Messages.
    send_message_event = verb(IntentAPI.send_message_event)
    send_message = verb(IntentAPI.send_message)
    send_text = verb(IntentAPI.send_text)
    send_notice = verb(IntentAPI.send_notice)
    send_emote = verb(IntentAPI.send_emote)
    send_file = verb(IntentAPI.send_file)
    send_image = verb(IntentAPI.send_image)
    send_video = verb(IntentAPI.send_video)
    send_audio = verb(IntentAPI.send_audio)
    send_sticker = verb(IntentAPI.send_sticker)
    reply = verb(IntentAPI.reply)
    edit = verb(IntentAPI.edit)
    react = verb(IntentAPI.react)
    redact = verb(IntentAPI.redact)

    # The timeline.
    get_event = verb(IntentAPI.get_event)
    get_event_context = verb(IntentAPI.get_event_context)
    get_messages = verb(IntentAPI.get_messages)
    messages = verb(IntentAPI.messages)
    timestamp_to_event = verb(IntentAPI.timestamp_to_event)
    get_relating_events = verb(IntentAPI.get_relating_events)
    relations = verb(IntentAPI.relations)
    get_thread_roots = verb(IntentAPI.get_thread_roots)
    threads = verb(IntentAPI.threads)
    report_event = verb(IntentAPI.report_event)

    # State.
    send_state_event = verb(IntentAPI.send_state_event)
    get_state_event = verb(IntentAPI.get_state_event)
    get_state = verb(IntentAPI.get_state)
    sync_state = verb(IntentAPI.sync_state)
    get_create = verb(IntentAPI.get_create)
    set_room_name = verb(IntentAPI.set_room_name)
    set_room_topic = verb(IntentAPI.set_room_topic)
    set_room_avatar = verb(IntentAPI.set_room_avatar)
    set_join_rule = verb(IntentAPI.set_join_rule)
    get_pinned_messages = verb(IntentAPI.get_pinned_messages)
    set_pinned_messages = verb(IntentAPI.set_pinned_messages)
    pin_message = verb(IntentAPI.pin_message)
    unpin_message = verb(IntentAPI.unpin_message)

    # Power levels.
    get_power_levels = verb(IntentAPI.get_power_levels)
    set_power_levels = verb(IntentAPI.set_power_levels)
    set_user_power_level = verb(IntentAPI.set_user_power_level)
    set_event_power_level = verb(IntentAPI.set_event_power_level)
    ensure_power_level = verb(IntentAPI.ensure_power_level)

    # Members.
    ensure_joined = verb(IntentAPI.ensure_joined)
    join_room_by_id = verb(IntentAPI.join_room_by_id)
    join_room = verb(IntentAPI.join_room)
    leave_room = verb(IntentAPI.leave_room)
    error_and_leave = verb(IntentAPI.error_and_leave)
    forget_room = verb(IntentAPI.forget_room)
    knock_room = verb(IntentAPI.knock_room)
    invite_user = verb(IntentAPI.invite_user)
    invite_by_3pid = verb(IntentAPI.invite_by_3pid)
    kick_user = verb(IntentAPI.kick_user)
    ban_user = verb(IntentAPI.ban_user)
    unban_user = verb(IntentAPI.unban_user)
    send_member_event = verb(IntentAPI.send_member_event)
    get_members = verb(IntentAPI.get_members)
    get_joined_members = verb(IntentAPI.get_joined_members)
    get_room_members = verb(IntentAPI.get_room_members)
    get_room_member_info = verb(IntentAPI.get_room_member_info)
    get_room_displayname = verb(IntentAPI.get_room_displayname)
    get_room_avatar_url = verb(IntentAPI.get_room_avatar_url)
    fill_member_event = verb(IntentAPI.fill_member_event)

    # The directory, spaces, upgrades.
    get_room_summary = verb(IntentAPI.get_room_summary)
    get_space_hierarchy = verb(IntentAPI.get_space_hierarchy)
    hierarchy = verb(IntentAPI.hierarchy)
    report_room = verb(IntentAPI.report_room)
    add_room_alias = verb(IntentAPI.add_room_alias)
    get_room_aliases = verb(IntentAPI.get_room_aliases)
    get_room_directory_visibility = verb(IntentAPI.get_room_directory_visibility)
    set_room_directory_visibility = verb(IntentAPI.set_room_directory_visibility)
    upgrade_room = verb(IntentAPI.upgrade_room)

    # Tags, typing, receipts.
    get_room_tags = verb(IntentAPI.get_room_tags)
    get_room_tag = verb(IntentAPI.get_room_tag)
    set_room_tag = verb(IntentAPI.set_room_tag)
    remove_room_tag = verb(IntentAPI.remove_room_tag)
    set_typing = verb(IntentAPI.set_typing)
    mark_read = verb(IntentAPI.mark_read)
    send_receipt = verb(IntentAPI.send_receipt)
    set_fully_read_marker = verb(IntentAPI.set_fully_read_marker)
