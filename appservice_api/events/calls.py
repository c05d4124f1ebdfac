"""Calls. Spec: Client-Server API, "Voice over IP"."""

from __future__ import annotations

from typing import Any

from ..ids import UserID
from .enumerations import CallHangupReason, CallStreamPurpose
from .event_content import EventContent
from .view import Field, View, flag, items, mapping, number, one_of, text, view

__all__ = [
    "CallAnswerEventContent",
    "CallCandidate",
    "CallCandidatesEventContent",
    "CallEventContent",
    "CallHangupEventContent",
    "CallInviteEventContent",
    "CallNegotiateEventContent",
    "CallRejectEventContent",
    "CallSDPStreamMetadataChangedEventContent",
    "CallSelectAnswerEventContent",
    "CallStream",
    "SessionDescription",
]


def _version(found: Any) -> str | None:
    """Version 0 is an integer."""
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        return None
    return str(found)


class SessionDescription(View):
    """What a party can send and receive.

    Attributes:
        type: ``offer`` or ``answer``.
        sdp: The description, SDP.
    """

    __slots__ = ()

    type = text(str)
    sdp = text(str)


class CallStream(View):
    """What a stream shows.

    Attributes:
        purpose: What it shows.
        audio_muted: Whether its sound is off.
        video_muted: Whether its picture is off.
    """

    __slots__ = ()

    purpose = one_of(CallStreamPurpose)
    audio_muted = flag()
    video_muted = flag()


class CallEventContent(EventContent):
    """What the contents of all events of calls have.

    Attributes:
        call_id: The call.
        party_id: The device that takes part; None in version 0.
        version: The version of the rules of calls.
    """

    __slots__ = ()

    call_id = text(str)
    party_id = text(str)
    version: Field[str] = Field(None, _version)


class CallInviteEventContent(CallEventContent):
    """The content of ``m.call.invite``.

    Attributes:
        offer: What the caller can do.
        lifetime: How long the invite holds, in milliseconds.
        invitee: Who is called; everybody in the room if None.
        sdp_stream_metadata: What the streams show, by stream.
    """

    __slots__ = ()

    offer = view(SessionDescription)
    lifetime = number()
    invitee = text(UserID)
    sdp_stream_metadata = mapping(CallStream)


class CallAnswerEventContent(CallEventContent):
    """The content of ``m.call.answer``.

    Attributes:
        answer: What the called can do.
        sdp_stream_metadata: What the streams show, by stream.
    """

    __slots__ = ()

    answer = view(SessionDescription)
    sdp_stream_metadata = mapping(CallStream)


class CallCandidate(View):
    """A way to reach a party.

    Attributes:
        candidate: The way, SDP.
        sdp_mid: What it is for.
        sdp_m_line_index: The same, by number.
    """

    __slots__ = ()

    candidate = text(str)
    sdp_mid = text(str, "sdpMid")
    sdp_m_line_index = number("sdpMLineIndex")


class CallCandidatesEventContent(CallEventContent):
    """The content of ``m.call.candidates``: ways to reach a party."""

    __slots__ = ()

    candidates = items(CallCandidate)


class CallSelectAnswerEventContent(CallEventContent):
    """The content of ``m.call.select_answer``: whose answer counts."""

    __slots__ = ()

    selected_party_id = text(str)


class CallNegotiateEventContent(CallEventContent):
    """The content of ``m.call.negotiate``.

    Attributes:
        description: What the party can do now.
        lifetime: How long the offer holds, in milliseconds.
        sdp_stream_metadata: What the streams show, by stream.
    """

    __slots__ = ()

    description = view(SessionDescription)
    lifetime = number()
    sdp_stream_metadata = mapping(CallStream)


class CallSDPStreamMetadataChangedEventContent(CallEventContent):
    """The content of ``m.call.sdp_stream_metadata_changed``: what the streams show, by stream."""

    __slots__ = ()

    sdp_stream_metadata = mapping(CallStream)


class CallHangupEventContent(CallEventContent):
    """The content of ``m.call.hangup``: why the call ended."""

    __slots__ = ()

    reason = one_of(CallHangupReason)


class CallRejectEventContent(CallEventContent):
    """The content of ``m.call.reject``."""

    __slots__ = ()
