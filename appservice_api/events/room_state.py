"""Contents of state events, except power levels, the topic, spaces and encryption.

Spec: Client-Server API, "Room events" and the modules that its state events belong to.
"""

from __future__ import annotations

from ..ids import ContentURI, EventID, RoomAlias, RoomID, ServerName, UserID
from .enumerations import (
    GuestAccess,
    HistoryVisibility,
    JoinRestrictionType,
    JoinRule,
    PolicyRecommendation,
    RoomType,
)
from .event_content import StateEventContent
from .media_info import ImageInfo
from .membership import Membership
from .view import View, flag, items, mapping, one_of, table, text, view

__all__ = [
    "CanonicalAliasStateEventContent",
    "GuestAccessStateEventContent",
    "HistoryVisibilityStateEventContent",
    "JoinRestriction",
    "JoinRulesStateEventContent",
    "Member",
    "MemberStateEventContent",
    "PolicyRuleStateEventContent",
    "PublicKey",
    "RoomAvatarStateEventContent",
    "RoomCreateStateEventContent",
    "RoomNameStateEventContent",
    "RoomPinnedEventsStateEventContent",
    "RoomPolicyStateEventContent",
    "RoomPredecessor",
    "RoomTombstoneStateEventContent",
    "ServerACLStateEventContent",
    "SignedThirdPartyInvite",
    "ThirdPartyInvite",
    "ThirdPartyInviteStateEventContent",
]


class SignedThirdPartyInvite(View):
    """The proof that a third-party invite was for a user.

    Attributes:
        mxid: The user.
        token: The token of the invite.
        signatures: Signatures by server and key.
    """

    __slots__ = ()

    mxid = text(UserID)
    token = text(str)
    signatures = table()


class ThirdPartyInvite(View):
    """The third-party invite that led to a membership."""

    __slots__ = ()

    display_name = text(str)
    signed = view(SignedThirdPartyInvite)


class MemberStateEventContent(StateEventContent):
    """The content of ``m.room.member``, and the profile of a user.

    Attributes:
        membership: The membership.
        displayname: The display name.
        avatar_url: The avatar.
        reason: Why the membership changed.
        is_direct: Whether the invite is to a direct-message room.
        join_authorised_via_users_server: A user of the homeserver that authorised the join of a
            restricted room.
        third_party_invite: The third-party invite that led to this membership.
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


class RoomPredecessor(View):
    """The room that a room replaces.

    Attributes:
        room_id: The room.
        event_id: Its last event, if the homeserver gives it.
    """

    __slots__ = ()

    room_id = text(RoomID)
    event_id = text(EventID)


class RoomCreateStateEventContent(StateEventContent):
    """The content of ``m.room.create``.

    Attributes:
        creator: The creator, until room version 10; in all versions, it is the event's sender.
        federate: Whether users of other homeservers may join.
        room_version: The room version; 1 if None.
        type: The type of the room; None for an ordinary room.
        predecessor: The room that it replaces.
        additional_creators: Further creators, since room version 12.
    """

    __slots__ = ()

    creator = text(UserID)
    federate = flag("m.federate")
    room_version = text(str)
    type = one_of(RoomType)
    predecessor = view(RoomPredecessor)
    additional_creators = items(UserID)


class RoomNameStateEventContent(StateEventContent):
    """The content of ``m.room.name``."""

    __slots__ = ()

    name = text(str)


class RoomAvatarStateEventContent(StateEventContent):
    """The content of ``m.room.avatar``.

    Attributes:
        url: The image; None for no avatar.
        info: Metadata of the image.
    """

    __slots__ = ()

    url = text(ContentURI)
    info = view(ImageInfo)


class CanonicalAliasStateEventContent(StateEventContent):
    """The content of ``m.room.canonical_alias``.

    Attributes:
        canonical_alias: The main alias; the JSON key is ``alias``.
        alias: The same as ``canonical_alias``.
        alt_aliases: Other aliases.
    """

    __slots__ = ()

    canonical_alias = text(RoomAlias, "alias")
    alias = text(RoomAlias)
    alt_aliases = items(RoomAlias)


class JoinRestriction(View):
    """A condition for joining a restricted room.

    Attributes:
        type: The type of the condition.
        room_id: The room of which the user must be a member.
    """

    __slots__ = ()

    type = one_of(JoinRestrictionType)
    room_id = text(RoomID)


class JoinRulesStateEventContent(StateEventContent):
    """The content of ``m.room.join_rules``.

    Attributes:
        join_rule: Who may join.
        allow: The conditions for joining a restricted room; one must be true.
    """

    __slots__ = ()

    join_rule = one_of(JoinRule)
    allow = items(JoinRestriction)


class HistoryVisibilityStateEventContent(StateEventContent):
    """The content of ``m.room.history_visibility``."""

    __slots__ = ()

    history_visibility = one_of(HistoryVisibility)


class GuestAccessStateEventContent(StateEventContent):
    """The content of ``m.room.guest_access``."""

    __slots__ = ()

    guest_access = one_of(GuestAccess)


class RoomPinnedEventsStateEventContent(StateEventContent):
    """The content of ``m.room.pinned_events``."""

    __slots__ = ()

    pinned = items(EventID)


class RoomTombstoneStateEventContent(StateEventContent):
    """The content of ``m.room.tombstone``.

    Attributes:
        body: A message to users who look for the room.
        replacement_room: The room that replaces it.
    """

    __slots__ = ()

    body = text(str)
    replacement_room = text(RoomID)


class ServerACLStateEventContent(StateEventContent):
    """The content of ``m.room.server_acl``.

    Attributes:
        allow: Patterns of the servers that may participate.
        deny: Patterns of the servers that may not participate; they win over ``allow``.
        allow_ip_literals: Whether servers with IP addresses as names may; True if None.
    """

    __slots__ = ()

    allow = items(str)
    deny = items(str)
    allow_ip_literals = flag()


class PublicKey(View):
    """A key that signs a third-party invite.

    Attributes:
        public_key: The key, base64.
        key_validity_url: The URL that tells whether it is valid.
    """

    __slots__ = ()

    public_key = text(str)
    key_validity_url = text(str)


class ThirdPartyInviteStateEventContent(StateEventContent):
    """The content of ``m.room.third_party_invite``; the state key is the token of the invite.

    Attributes:
        display_name: A name of the user.
        public_key: The key that signs the invite, base64.
        key_validity_url: The URL that tells whether the key is valid.
        public_keys: All keys that sign it.
    """

    __slots__ = ()

    display_name = text(str)
    public_key = text(str)
    key_validity_url = text(str)
    public_keys = items(PublicKey)


class RoomPolicyStateEventContent(StateEventContent):
    """The content of ``m.room.policy``.

    Attributes:
        via: The policy server, which checks every event.
        public_keys: The keys of the server by algorithm, unpadded base64.
    """

    __slots__ = ()

    via = text(ServerName)
    public_keys = mapping(str)


class PolicyRuleStateEventContent(StateEventContent):
    """The content of ``m.policy.rule.user``, ``m.policy.rule.room`` and ``m.policy.rule.server``.

    Attributes:
        entity: A pattern of the users, rooms or servers.
        recommendation: The recommended action.
        reason: The reason.
    """

    __slots__ = ()

    entity = text(str)
    recommendation = one_of(PolicyRecommendation)
    reason = text(str)
