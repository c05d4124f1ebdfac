"""Sending messages and other events of a room's timeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, EventOptions, retry_options
from ..compat import Unpack
from ..errors import MatrixRequestError
from ..events.content import content_of, edit_content, reply_content, text_content
from ..ids import EventID
from .base import ClientMethods

__all__ = ["MessageMethods"]

_ROOM = "/_matrix/client/v3/rooms/{roomId}"
SEND = Endpoint("PUT", _ROOM + "/send/{eventType}/{txnId}", Needs.JOINED)
REDACT = Endpoint("PUT", _ROOM + "/redact/{eventId}/{txnId}", Needs.JOINED)

RelatesTo = Mapping[str, Any]

# Homeservers with one of these redact when an `m.room.redaction` event is sent (MSC4169).
_REDACTS_BY_EVENT = ("v1.18", "com.beeper.msc4169")


class MessageMethods(ClientMethods, one_request=True):
    """Sending, answering and changing messages.

    Every method that sends takes ``txn_id`` (so that a script that is run again sends nothing
    twice) and the options of :class:`EventOptions`.
    """

    __slots__ = ()

    @SEND
    def send_message_event(
        self,
        room_id: str,
        event_type: str,
        content: Mapping[str, Any],
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send an event to a room.

        Args:
            room_id: The room.
            event_type: The type of the event.
            content: Its content; it isn't changed.
            txn_id: A name for the event, which becomes part of the transaction ID; a new one if
                None, in a handler derived from what is sent (see :class:`Handlers`). The same user,
                room, type and name mean the same event: with the ID of the remote message as the
                name, sending it again is harmless while the homeserver remembers the ID.
            options: See :class:`EventOptions`.

        Returns:
            The event ID.

        Raises:
            ValueError: The content or an argument can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /rooms/{roomId}/send/{eventType}/{txnId}``.
        """
        sent = content_of(content)
        final_id = self._txn_id(txn_id, (room_id, event_type), sent)
        return self._send_event(room_id, event_type, sent, final_id, options)

    def _send_event(
        self, room_id: str, event_type: str, content: Any, txn_id: str, options: EventOptions
    ) -> EventID:
        """Send an event with the transaction ID that goes over the wire."""
        answer = self._call(SEND, (room_id, event_type, txn_id), content, options)
        return EventID.read(self._field(SEND, answer, "event_id", str))

    def send_message(
        self,
        room_id: str,
        content: Mapping[str, Any],
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send an ``m.room.message`` event; see :meth:`send_message_event`."""
        return self.send_message_event(room_id, "m.room.message", content, txn_id, **options)

    def send_text(
        self,
        room_id: str,
        text: str | None = None,
        html: str | None = None,
        msgtype: str = "m.text",
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send a text message.

        Args:
            room_id: The room.
            text: The plain text; made from ``html`` if None.
            html: The formatted text, or None.
            msgtype: ``m.text``, ``m.notice`` or ``m.emote``.
            relates_to: The ``m.relates_to`` of the content.
            txn_id, options: See :meth:`send_message_event`, also for the errors.

        Returns:
            The event ID.
        """
        content = text_content(msgtype, text, html)
        if relates_to is not None:
            content["m.relates_to"] = content_of(relates_to, "relates_to")
        return self.send_message(room_id, content, txn_id, **options)

    def send_notice(
        self,
        room_id: str,
        text: str | None = None,
        html: str | None = None,
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send a notice, an automated message; see :meth:`send_text`."""
        return self.send_text(room_id, text, html, "m.notice", relates_to, txn_id, **options)

    def send_emote(
        self,
        room_id: str,
        text: str | None = None,
        html: str | None = None,
        relates_to: RelatesTo | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Send an emote, as ``/me`` does; see :meth:`send_text`."""
        return self.send_text(room_id, text, html, "m.emote", relates_to, txn_id, **options)

    def reply(
        self,
        room_id: str,
        event_id: str,
        text: str | None = None,
        html: str | None = None,
        msgtype: str = "m.text",
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Reply to an event.

        Args:
            room_id: The room.
            event_id: The event to reply to.
            text, html, msgtype, txn_id, options: See :meth:`send_text`, also for the errors.

        Returns:
            The event ID of the reply.

        Spec: Client-Server API, "Rich replies".
        """
        content = reply_content(text_content(msgtype, text, html), EventID(event_id))
        return self.send_message(room_id, content, txn_id, **options)

    def edit(
        self,
        room_id: str,
        event_id: str,
        text: str | None = None,
        html: str | None = None,
        msgtype: str = "m.text",
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Replace the text of a message of the same user.

        Args:
            room_id: The room.
            event_id: The original event of the message.
            text, html, msgtype, txn_id, options: See :meth:`send_text`, also for the errors.

        Returns:
            The event ID of the replacement.

        Spec: Client-Server API, "Event replacements".
        """
        content = edit_content(text_content(msgtype, text, html), EventID(event_id))
        return self.send_message(room_id, content, txn_id, **options)

    def react(
        self,
        room_id: str,
        event_id: str,
        key: str,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """React to an event.

        Args:
            room_id: The room.
            event_id: The event.
            key: The reaction, usually an emoji.
            txn_id, options: See :meth:`send_message_event`, also for the errors.

        Returns:
            The event ID of the reaction.

        Spec: Client-Server API, "Event annotations and reactions".
        """
        if not isinstance(key, str) or not key:
            raise ValueError(f"the key of a reaction must be a text, not {key!r}")
        relates_to = {"rel_type": "m.annotation", "event_id": EventID(event_id), "key": key}
        content = {"m.relates_to": relates_to}
        return self.send_message_event(room_id, "m.reaction", content, txn_id, **options)

    @REDACT
    def redact(
        self,
        room_id: str,
        event_id: str,
        reason: str | None = None,
        extra_content: Mapping[str, Any] | None = None,
        txn_id: str | None = None,
        **options: Unpack[EventOptions],
    ) -> EventID:
        """Redact an event. The redaction is sent as an event if it has a timestamp, which the
        endpoint for redactions doesn't accept; and if it is a real user's, so that it can have a
        mark, and the homeserver supports that (since v1.18 of the specification).

        Args:
            room_id: The room.
            event_id: The event to redact.
            reason: The reason, or None.
            extra_content: More keys of the redaction's content.
            txn_id, options: See :meth:`send_message_event`, also for the errors.

        Returns:
            The event ID of the redaction.

        Spec: Client-Server API, "Redactions".
        """
        content: dict[str, Any] = content_of(extra_content or {}, "extra_content")
        if reason is not None:
            content["reason"] = reason
        if options.get("timestamp") is not None or self._redacts_by_event(options):
            content["redacts"] = EventID(event_id)
            return self.send_message_event(room_id, "m.room.redaction", content, txn_id, **options)
        final_id = self._txn_id(txn_id, ("redact", room_id, event_id), content)
        answer = self._call(REDACT, (room_id, event_id, final_id), content, options)
        return EventID.read(self._field(REDACT, answer, "event_id", str))

    def _redacts_by_event(self, options: EventOptions) -> bool:
        """Whether to send a redaction as an event, so that it can have a mark. A homeserver that
        doesn't support that may accept the event and redact nothing."""
        if self.api._mark is None:
            return False
        try:
            versions = self.versions(**retry_options(options))
        except MatrixRequestError:
            return False
        return any(map(versions.supports, _REDACTS_BY_EVENT))

    if TYPE_CHECKING:  # implemented by AccountMethods

        def versions(
            self, no_cache: bool = False, **options: Unpack[CallOptions]
        ) -> answers.VersionsResponse: ...
