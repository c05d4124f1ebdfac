"""Contents of account data. Spec: Client-Server API, "Client config" and others."""

from __future__ import annotations

from ..ids import EventID, RoomID
from .event_content import AccountDataEventContent
from .view import View, flag, items, mapping, number, real, text

__all__ = [
    "AcceptedTermsAccountDataEventContent",
    "DirectAccountDataEventContent",
    "FullyReadAccountDataEventContent",
    "IdentityServerAccountDataEventContent",
    "IgnoredUserListAccountDataEventContent",
    "InvitePermissionConfigAccountDataEventContent",
    "KeyBackupAccountDataEventContent",
    "MarkedUnreadAccountDataEventContent",
    "RecentEmoji",
    "RecentEmojiAccountDataEventContent",
    "RoomTagAccountDataEventContent",
    "RoomTagInfo",
]


class AcceptedTermsAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.accepted_terms``: the URLs of the terms that the user has accepted."""

    __slots__ = ()

    accepted = items(str)


class DirectAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.direct``: the direct-message rooms, by user."""

    __slots__ = ()

    def rooms_with(self, user_id: str) -> list[RoomID]:
        """The direct-message rooms with a user."""
        rooms = self.get(user_id)
        found = rooms if isinstance(rooms, list) else []
        return [RoomID.read(room) for room in found if isinstance(room, str)]


class FullyReadAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.fully_read``: the event of the read marker."""

    __slots__ = ()

    event_id = text(EventID)


class IdentityServerAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.identity_server``: the URL of the identity server, or None."""

    __slots__ = ()

    base_url = text(str)


class IgnoredUserListAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.ignored_user_list``: the users are the keys of ``ignored_users``."""

    __slots__ = ()

    ignored_users = mapping(dict)


class InvitePermissionConfigAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.invite_permission_config``; ``default_action`` may be ``block``."""

    __slots__ = ()

    default_action = text(str)


class KeyBackupAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.key_backup``: whether the user wants a key backup."""

    __slots__ = ()

    enabled = flag()


class MarkedUnreadAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.marked_unread``."""

    __slots__ = ()

    unread = flag()


class RecentEmoji(View):
    """An emoji, and how often the user has used it."""

    __slots__ = ()

    emoji = text(str)
    total = number()


class RecentEmojiAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.recent_emoji``, the newest first."""

    __slots__ = ()

    recent_emoji = items(RecentEmoji)


class RoomTagInfo(View):
    """A tag of a room. ``order``, from 0 to 1, sorts the rooms that have the tag."""

    __slots__ = ()

    order = real()


class RoomTagAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.tag``: the tags of a room by name."""

    __slots__ = ()

    tags = mapping(RoomTagInfo)
