"""Names for texts that a homeserver gives out and that mean something only to it."""

from __future__ import annotations

from typing import Any, NewType

from .enumerations import ThirdPartyMedium, UserIdentifierType
from .view import View, one_of, text

__all__ = [
    "JSON",
    "BatchID",
    "DirectoryPaginationToken",
    "FilterID",
    "PushRuleID",
    "SyncToken",
    "UserIdentifier",
]

#: Anything that JSON can hold.
JSON = dict[str, Any] | list[Any] | str | int | float | bool | None

BatchID = NewType("BatchID", str)
DirectoryPaginationToken = NewType("DirectoryPaginationToken", str)
FilterID = NewType("FilterID", str)
PushRuleID = NewType("PushRuleID", str)
SyncToken = NewType("SyncToken", str)


class UserIdentifier(View):
    """Who logs in.

    Attributes:
        type: How the user is named.
        user: The user ID, or its localpart.
        medium: What ``address`` is.
        address: A third-party identifier of the user.
        country: The country in which ``phone`` is dialled, two letters.
        phone: A telephone number of the user.
    """

    __slots__ = ()

    type = one_of(UserIdentifierType)
    user = text(str)
    medium = one_of(ThirdPartyMedium)
    address = text(str)
    country = text(str)
    phone = text(str)
