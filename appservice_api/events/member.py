"""Members of a room. Spec: Client-Server API, ``m.room.member``."""

from __future__ import annotations

from ..ids import ContentURI, UserID
from .event_content import StateEventContent
from .membership import Membership
from .view import View, flag, one_of, table, text, view

__all__ = ["Member", "MemberStateEventContent", "SignedThirdPartyInvite", "ThirdPartyInvite"]


class SignedThirdPartyInvite(View):
    """What proves that an invite by a third-party identifier was for a user.

    Attributes:
        mxid: The user.
        token: The token of the invite.
        signatures: Signatures by server, then by key.
    """

    __slots__ = ()

    mxid = text(UserID)
    token = text(str)
    signatures = table()


class ThirdPartyInvite(View):
    """The invite by a third-party identifier that led to a membership."""

    __slots__ = ()

    display_name = text(str)
    signed = view(SignedThirdPartyInvite)


class MemberStateEventContent(StateEventContent):
    """The content of ``m.room.member``, and the profile of a user.

    Attributes:
        membership: What the user is in the room.
        displayname: The name.
        avatar_url: The avatar.
        reason: Why the membership changed.
        is_direct: The invite is to a room that is meant for two.
        join_authorised_via_users_server: Whose homeserver let the user into a restricted room.
        third_party_invite: The invite by a third-party identifier that led to this.
    """

    __slots__ = ()

    membership = one_of(Membership)
    displayname = text(str)
    avatar_url = text(ContentURI)
    reason = text(str)
    is_direct = flag()
    join_authorised_via_users_server = text(UserID)
    third_party_invite = view(ThirdPartyInvite)


Member = MemberStateEventContent
