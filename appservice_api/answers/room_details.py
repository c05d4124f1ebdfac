"""What a user is in a room."""

from __future__ import annotations

from ..events.membership import Membership
from ..events.view import View, one_of, text
from ..ids import ContentURI

__all__ = ["Member"]


class Member(View):
    """A user's membership in a room, with the profile that the user has there."""

    __slots__ = ()

    membership = one_of(Membership)
    displayname = text(str)
    avatar_url = text(ContentURI)
