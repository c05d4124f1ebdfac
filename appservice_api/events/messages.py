"""Contents of messages, stickers, reactions and redactions.

Spec: Client-Server API, "Instant messaging", "Rich replies", "Threading", "Event replacements",
"Event annotations and reactions", "Redactions", "Sticker messages".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from ..compat import Self
from ..ids import ContentURI, DeviceID, EventID, UserID
from .content import edit_content, plain_text, reply_content, thread_content
from .enumerations import Format, KeyVerificationMethod, MessageType
from .event_content import EventContent
from .media_info import EncryptedFile, FileInfo, ImageInfo, InfoOfMessage, LocationInfo
from .relations import Mentions, RelatesTo
from .view import Field, View, items, one_of, text, view

__all__ = [
    "KeyVerificationRequestMessageEventContent",
    "LocationMessageEventContent",
    "MediaMessageEventContent",
    "MessageEventContent",
    "ReactionEventContent",
    "RedactionEventContent",
    "ServerNoticeMessageEventContent",
    "StickerEventContent",
    "TextMessageEventContent",
]


class _HTML(Field[str]):
    """The formatted body, if it is HTML. Setting it sets the format, and the body if that is
    missing."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("formatted_body", lambda found: found if isinstance(found, str) else None)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> str | None: ...
    def __get__(self, view: View | None, owner: type) -> Self | str | None:
        if view is None:
            return self
        found = view.get("formatted_body")
        return found if isinstance(found, str) and view.get("format") == Format.HTML else None

    def __set__(self, view: View, new: str | None) -> None:
        super().__set__(view, new)
        if new is None:
            view.pop("format", None)
        else:
            view["format"] = Format.HTML
            view.setdefault("body", plain_text(new))

    def __delete__(self, view: View) -> None:
        self.__set__(view, None)


class _NewContent(Field["MessageEventContent"]):
    """The new content of an edit."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("m.new_content", lambda found: _message(found))


class MessageEventContent(EventContent):
    """The content of ``m.room.message``.

    Attributes:
        msgtype: The type of the message.
        body: The text; for a file its caption or its name.
        format: The format of ``formatted_body``.
        formatted_body: The formatted text.
        html: ``formatted_body``, if the format is HTML. Setting it sets the format, too, and
            ``body`` if that is missing.
        new_content: The new content of an edit.
    """

    __slots__ = ()

    msgtype = one_of(MessageType)
    body = text(str)
    format = one_of(Format)
    formatted_body = text(str)
    html = _HTML()
    new_content = _NewContent()

    def set_reply(self, event: str | Mapping[str, Any], mention: bool = False) -> None:
        """Make it a reply.

        Args:
            event: The event that is replied to, or its ID. A reply to a whole event is in the
                thread of that event.
            mention: Whether its sender is mentioned, and so notified; this needs the whole event.

        Raises:
            ValueError: The event has no event ID, or no sender to mention.
        """
        found = EventContent.read(event.get("content")) if isinstance(event, Mapping) else None
        relates_to = found.relates_to if found is not None else None
        root = relates_to.thread_root if relates_to is not None else None
        self.update(reply_content(self, _event_id(event), root))
        if mention:
            sender = event.get("sender") if isinstance(event, Mapping) else None
            if not isinstance(sender, str):
                raise ValueError(f"{event!r} has no sender who could be mentioned")
            mentions = Mentions(self.mentions)
            users = mentions.user_ids or []
            mentions.user_ids = [*users, *({UserID.read(sender)} - {*users})]
            self.mentions = mentions

    def set_thread_parent(
        self,
        event: str | Mapping[str, Any],
        last_event_in_thread: str | Mapping[str, Any] | None = None,
        fallback: bool = True,
    ) -> None:
        """Make it a part of a thread; a reply stays a reply.

        Args:
            event: The root of the thread or its ID, or any other event of the thread.
            last_event_in_thread: The newest event of the thread, or its ID; ``event`` if None.
            fallback: Whether clients that don't support threads show it as a reply to that event.

        Raises:
            ValueError: An event has no ID.
        """
        last = _event_id(event if last_event_in_thread is None else last_event_in_thread)
        root = _relation_of(event).thread_root or _event_id(event)
        self.update(thread_content(self, root, last, fallback))

    def set_edit(self, event: str | Mapping[str, Any]) -> None:
        """Make it an edit of a message, with a fallback for clients that don't support edits.

        Args:
            event: The message or an edit of it, or the ID of the message. With a whole event,
                users whom it mentions aren't notified again.

        Raises:
            ValueError: The event has no event ID.
        """
        edited = edit_content(self, _relation_of(event).edits or _event_id(event))
        mentions = MessageEventContent(edited).mentions
        if mentions:
            edited["m.mentions"] = _newly_mentioned(mentions, event)
        self.clear()
        self.update(edited)

    def get_reply_to(self) -> EventID | None:
        """The event that it replies to; None for the fallback of a thread."""
        return _relation(self).reply_to

    def get_thread_parent(self) -> EventID | None:
        """The root of its thread."""
        return _relation(self).thread_root

    def get_edit(self) -> EventID | None:
        """The event that it edits."""
        return _relation(self).edits


class TextMessageEventContent(MessageEventContent):
    """The content of ``m.text``, ``m.notice`` and ``m.emote``."""

    __slots__ = ()


class MediaMessageEventContent(MessageEventContent):
    """The content of ``m.image``, ``m.video``, ``m.audio`` and ``m.file``.

    Attributes:
        url: The file.
        file: The file, if it is encrypted.
        filename: The name of the file; None if ``body`` is the name.
        info: Metadata of the file.
    """

    __slots__ = ()

    url = text(ContentURI)
    file = view(EncryptedFile)
    filename = text(str)
    info = InfoOfMessage(FileInfo)

    @property
    def caption(self) -> str | None:
        """The caption of the file, None if there is none."""
        body, name = self.body, self.filename
        return body if name is not None and body != name else None


class LocationMessageEventContent(MessageEventContent):
    """The content of ``m.location``.

    Attributes:
        geo_uri: The location, as a ``geo:`` URI.
        info: Metadata of the location.
    """

    __slots__ = ()

    geo_uri = text(str)
    info = view(LocationInfo)


class ServerNoticeMessageEventContent(MessageEventContent):
    """The content of ``m.server_notice``.

    Attributes:
        server_notice_type: The type of the notice.
        admin_contact: A URI to contact the administrator.
        limit_type: The type of the limit that was exceeded.
    """

    __slots__ = ()

    server_notice_type = text(str)
    admin_contact = text(str)
    limit_type = text(str)


class KeyVerificationRequestMessageEventContent(MessageEventContent):
    """The content of a message that requests key verification.

    Attributes:
        from_device: The device that requests it.
        methods: The methods that it supports.
        to: The user who is asked to verify.
    """

    __slots__ = ()

    from_device = text(DeviceID)
    methods = items(KeyVerificationMethod)
    to = text(UserID)


class StickerEventContent(MediaMessageEventContent):
    """The content of ``m.sticker``, an image without a ``msgtype``. ``body`` describes it."""

    __slots__ = ()

    info = InfoOfMessage(ImageInfo)


class ReactionEventContent(EventContent):
    """The content of ``m.reaction``. The reaction is ``relates_to.key``."""

    __slots__ = ()


class RedactionEventContent(EventContent):
    """The content of ``m.room.redaction``.

    Attributes:
        redacts: The event that is redacted; ``Event.redacts`` works in old rooms, too.
        reason: The reason.
    """

    __slots__ = ()

    redacts = text(EventID)
    reason = text(str)


_MESSAGES: dict[str, type[MessageEventContent]] = {
    MessageType.TEXT: TextMessageEventContent,
    MessageType.NOTICE: TextMessageEventContent,
    MessageType.EMOTE: TextMessageEventContent,
    MessageType.IMAGE: MediaMessageEventContent,
    MessageType.VIDEO: MediaMessageEventContent,
    MessageType.AUDIO: MediaMessageEventContent,
    MessageType.FILE: MediaMessageEventContent,
    MessageType.LOCATION: LocationMessageEventContent,
    MessageType.SERVER_NOTICE: ServerNoticeMessageEventContent,
    MessageType.KEY_VERIFICATION_REQUEST: KeyVerificationRequestMessageEventContent,
}


def message_class(content: object) -> type[MessageEventContent]:
    """The class for the content of a message, by its ``msgtype``."""
    msgtype = content.get("msgtype") if isinstance(content, dict) else None
    if not isinstance(msgtype, str):
        return MessageEventContent
    return _MESSAGES.get(msgtype, MessageEventContent)


def _message(found: Any) -> MessageEventContent | None:
    if not isinstance(found, dict):
        return None
    kind = message_class(found)
    return found if isinstance(found, kind) else kind(found)


def _event_id(event: object) -> EventID:
    found = event.get("event_id") if isinstance(event, Mapping) else event
    if found is None:
        raise ValueError(f"{event!r} has no event_id")
    return EventID(found)  # type: ignore[arg-type]  # it checks the type


def _relation(content: object) -> RelatesTo:
    found = content.get("m.relates_to") if isinstance(content, Mapping) else None
    return RelatesTo.read(found)


def _relation_of(event: object) -> RelatesTo:
    return _relation(event.get("content") if isinstance(event, Mapping) else None)


def _newly_mentioned(mentions: Mentions, event: object) -> Mentions:
    """The mentions of an edit that the event doesn't have."""
    content = event.get("content") if isinstance(event, Mapping) else None
    newly = Mentions(mentions)
    for one in (content, content.get("m.new_content") if isinstance(content, dict) else None):
        known = EventContent.read(one).mentions or Mentions()
        if newly.user_ids:
            newly.user_ids = [user for user in newly.user_ids if user not in (known.user_ids or ())]
        if known.room:
            newly.room = None
    return newly
