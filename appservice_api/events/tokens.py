"""Types of opaque texts of a homeserver, and other types that signatures name."""

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
    """The user who logs in.

    Attributes:
        type: The type of identifier.
        user: The user ID or localpart.
        medium: The medium of ``address``.
        address: A third-party identifier of the user.
        country: The two-letter country code of ``phone``.
        phone: A telephone number of the user.
    """

    __slots__ = ()

    type = one_of(UserIdentifierType)
    user = text(str)
    medium = one_of(ThirdPartyMedium)
    address = text(str)
    country = text(str)
    phone = text(str)
