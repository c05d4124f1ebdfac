"""A user that a namespace has room for."""

from __future__ import annotations

import re

from ..ids import UserID, check_localpart
from ..registration import Namespace

__all__ = ["specimen"]

# The beginning of a regex that stands for itself: plain characters, and escaped ones.
_LITERAL = re.compile(r"\^?@((?:[a-z0-9_=/-]|\\[^A-Za-z0-9])*)([?*+{|]?)")


def specimen(space: Namespace, server_name: str) -> str | None:
    """Make up a user ID of a namespace; None where the regex doesn't begin with plain text.

    Args:
        space: The namespace.
        server_name: The name of the homeserver that the user shall be on.
    """
    match = _LITERAL.match(space.regex)
    if match is None:
        return None
    start = match[1].replace("\\", "")
    if match[2]:  # the last character can be missing
        start = start[:-1]
    for end in ("check", "1", ""):
        user = f"@{start}{end}:{server_name}"
        try:
            check_localpart(start + end)
            UserID(user)
        except ValueError:
            continue
        if space.matches(user):
            return user
    return None
