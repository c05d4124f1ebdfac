"""Types of events."""

from __future__ import annotations

import enum
from typing import Any

from ..compat import Self
from .open_enum import OpenEnum

__all__ = ["EventType", "EventTypeClass"]


class EventTypeClass(enum.Enum):
    """The class of an event type."""

    MESSAGE = "message"
    STATE = "state"
    EPHEMERAL = "ephemeral"
    TO_DEVICE = "to_device"
    ACCOUNT_DATA = "account_data"


class EventType(OpenEnum):
    """The type of an event."""

    # State of a room
    ROOM_AVATAR = "m.room.avatar"
    ROOM_CANONICAL_ALIAS = "m.room.canonical_alias"
    ROOM_CREATE = "m.room.create"
    ROOM_ENCRYPTION = "m.room.encryption"
    ROOM_GUEST_ACCESS = "m.room.guest_access"
    ROOM_HISTORY_VISIBILITY = "m.room.history_visibility"
    ROOM_IMAGE_PACK = "m.room.image_pack"
    ROOM_JOIN_RULES = "m.room.join_rules"
    ROOM_MEMBER = "m.room.member"
    ROOM_NAME = "m.room.name"
    ROOM_PINNED_EVENTS = "m.room.pinned_events"
    ROOM_POLICY = "m.room.policy"
    ROOM_POWER_LEVELS = "m.room.power_levels"
    ROOM_SERVER_ACL = "m.room.server_acl"
    ROOM_THIRD_PARTY_INVITE = "m.room.third_party_invite"
    ROOM_TOMBSTONE = "m.room.tombstone"
    ROOM_TOPIC = "m.room.topic"
    SPACE_CHILD = "m.space.child"
    SPACE_PARENT = "m.space.parent"
    POLICY_RULE_ROOM = "m.policy.rule.room"
    POLICY_RULE_SERVER = "m.policy.rule.server"
    POLICY_RULE_USER = "m.policy.rule.user"

    # Messages of a room
    ROOM_ENCRYPTED = "m.room.encrypted"
    ROOM_MESSAGE = "m.room.message"
    ROOM_REDACTION = "m.room.redaction"
    REACTION = "m.reaction"
    STICKER = "m.sticker"
    CALL_ANSWER = "m.call.answer"
    CALL_CANDIDATES = "m.call.candidates"
    CALL_HANGUP = "m.call.hangup"
    CALL_INVITE = "m.call.invite"
    CALL_NEGOTIATE = "m.call.negotiate"
    CALL_REJECT = "m.call.reject"
    CALL_SDP_STREAM_METADATA_CHANGED = "m.call.sdp_stream_metadata_changed"
    CALL_SELECT_ANSWER = "m.call.select_answer"

    # Messages of a room, or to devices
    KEY_VERIFICATION_ACCEPT = "m.key.verification.accept"
    KEY_VERIFICATION_CANCEL = "m.key.verification.cancel"
    KEY_VERIFICATION_DONE = "m.key.verification.done"
    KEY_VERIFICATION_KEY = "m.key.verification.key"
    KEY_VERIFICATION_MAC = "m.key.verification.mac"
    KEY_VERIFICATION_READY = "m.key.verification.ready"
    KEY_VERIFICATION_START = "m.key.verification.start"

    # To devices
    KEY_VERIFICATION_REQUEST = "m.key.verification.request"
    DUMMY = "m.dummy"
    FORWARDED_ROOM_KEY = "m.forwarded_room_key"
    ROOM_KEY = "m.room_key"
    ROOM_KEY_BUNDLE = "m.room_key_bundle"
    ROOM_KEY_REQUEST = "m.room_key_request"
    ROOM_KEY_WITHHELD = "m.room_key.withheld"
    SECRET_REQUEST = "m.secret.request"
    SECRET_SEND = "m.secret.send"

    # Ephemeral
    PRESENCE = "m.presence"
    RECEIPT = "m.receipt"
    TYPING = "m.typing"

    # Account data
    ACCEPTED_TERMS = "m.accepted_terms"
    DIRECT = "m.direct"
    FULLY_READ = "m.fully_read"
    IDENTITY_SERVER = "m.identity_server"
    IGNORED_USER_LIST = "m.ignored_user_list"
    IMAGE_PACK_ROOMS = "m.image_pack.rooms"
    INVITE_PERMISSION_CONFIG = "m.invite_permission_config"
    KEY_BACKUP = "m.key_backup"
    MARKED_UNREAD = "m.marked_unread"
    PUSH_RULES = "m.push_rules"
    RECENT_EMOJI = "m.recent_emoji"
    TAG = "m.tag"

    _given: EventTypeClass | None

    @classmethod
    def find(  # type: ignore[override]  # it stands before that of str
        cls, value: str, t_class: EventTypeClass | None = None
    ) -> Self:
        """The type of a name.

        Args:
            value: The name, for example ``m.room.message``.
            t_class: The class of a type that the specification doesn't have.
        """
        found = cls(value)
        if t_class is not None and not found.is_known:
            found._given = t_class
        return found

    @property
    def classes(self) -> frozenset[EventTypeClass]:
        """The classes of the type; events of some types are sent to rooms and to devices."""
        given = getattr(self, "_given", None)
        if given is not None:
            return frozenset({given})
        return frozenset(kind for kind, types in _TYPES_OF.items() if self in types)

    @property
    def is_message(self) -> bool:
        """Whether events of the type are sent to rooms and aren't state."""
        return EventTypeClass.MESSAGE in self.classes

    @property
    def is_state(self) -> bool:
        """Whether events of the type are state of a room."""
        return EventTypeClass.STATE in self.classes

    @property
    def is_ephemeral(self) -> bool:
        """Whether events of the type are ephemeral."""
        return EventTypeClass.EPHEMERAL in self.classes

    @property
    def is_to_device(self) -> bool:
        """Whether events of the type are sent to devices."""
        return EventTypeClass.TO_DEVICE in self.classes

    @property
    def is_account_data(self) -> bool:
        """Whether events of the type are account data."""
        return EventTypeClass.ACCOUNT_DATA in self.classes

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self).find, (self._value_, getattr(self, "_given", None))


_ALL = list(EventType)
_Types = frozenset[EventType]


def _between(first: EventType, last: EventType) -> _Types:
    return frozenset(_ALL[_ALL.index(first) : _ALL.index(last) + 1])


_TYPES_OF: dict[EventTypeClass, _Types] = {
    EventTypeClass.STATE: _between(EventType.ROOM_AVATAR, EventType.POLICY_RULE_USER),
    EventTypeClass.MESSAGE: _between(EventType.ROOM_ENCRYPTED, EventType.KEY_VERIFICATION_START),
    EventTypeClass.TO_DEVICE: _between(EventType.KEY_VERIFICATION_ACCEPT, EventType.SECRET_SEND)
    | {EventType.ROOM_ENCRYPTED},
    EventTypeClass.EPHEMERAL: _between(EventType.PRESENCE, EventType.TYPING),
    EventTypeClass.ACCOUNT_DATA: _between(EventType.ACCEPTED_TERMS, EventType.TAG),
}
