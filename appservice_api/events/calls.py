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
    """Version 0 is an integer, later ones are text."""
    if isinstance(found, bool) or not isinstance(found, (str, int)):
        return None
    return str(found)


class SessionDescription(View):
    """The session description of a party.

    Attributes:
        type: ``offer`` or ``answer``.
        sdp: The description in SDP.
    """

    __slots__ = ()

    type = text(str)
    sdp = text(str)


class CallStream(View):
    """Metadata of a stream.

    Attributes:
        purpose: The purpose of the stream.
        audio_muted: Whether the audio is muted.
        video_muted: Whether the video is muted.
    """

    __slots__ = ()

    purpose = one_of(CallStreamPurpose)
    audio_muted = flag()
    video_muted = flag()


class CallEventContent(EventContent):
    """The base of the contents of all call events.

    Attributes:
        call_id: The ID of the call.
        party_id: The ID of the party; None in version 0.
        version: The version of the call protocol.
    """

    __slots__ = ()

    call_id = text(str)
    party_id = text(str)
    version: Field[str] = Field(None, _version)


class CallInviteEventContent(CallEventContent):
    """The content of ``m.call.invite``.

    Attributes:
        offer: The session description of the caller.
        lifetime: For how many milliseconds the invite is valid.
        invitee: The user who is called; any user in the room if None.
        sdp_stream_metadata: Metadata by stream ID.
    """

    __slots__ = ()

    offer = view(SessionDescription)
    lifetime = number()
    invitee = text(UserID)
    sdp_stream_metadata = mapping(CallStream)


class CallAnswerEventContent(CallEventContent):
    """The content of ``m.call.answer``.

    Attributes:
        answer: The session description of the party that was called.
        sdp_stream_metadata: Metadata by stream ID.
    """

    __slots__ = ()

    answer = view(SessionDescription)
    sdp_stream_metadata = mapping(CallStream)


class CallCandidate(View):
    """An ICE candidate.

    Attributes:
        candidate: The candidate in SDP.
        sdp_mid: The ID of the media that it is for.
        sdp_m_line_index: The index of the media description that it is for.
    """

    __slots__ = ()

    candidate = text(str)
    sdp_mid = text(str, "sdpMid")
    sdp_m_line_index = number("sdpMLineIndex")


class CallCandidatesEventContent(CallEventContent):
    """The content of ``m.call.candidates``: ICE candidates."""

    __slots__ = ()

    candidates = items(CallCandidate)


class CallSelectAnswerEventContent(CallEventContent):
    """The content of ``m.call.select_answer``: the party whose answer the caller has selected."""

    __slots__ = ()

    selected_party_id = text(str)


class CallNegotiateEventContent(CallEventContent):
    """The content of ``m.call.negotiate``.

    Attributes:
        description: The new session description.
        lifetime: For how many milliseconds the offer is valid.
        sdp_stream_metadata: Metadata by stream ID.
    """

    __slots__ = ()

    description = view(SessionDescription)
    lifetime = number()
    sdp_stream_metadata = mapping(CallStream)


class CallSDPStreamMetadataChangedEventContent(CallEventContent):
    """The content of ``m.call.sdp_stream_metadata_changed``: metadata by stream ID."""

    __slots__ = ()

    sdp_stream_metadata = mapping(CallStream)


class CallHangupEventContent(CallEventContent):
    """The content of ``m.call.hangup``: why the call ended."""

    __slots__ = ()

    reason = one_of(CallHangupReason)


class CallRejectEventContent(CallEventContent):
    """The content of ``m.call.reject``."""

    __slots__ = ()
