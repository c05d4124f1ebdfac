"""Echoes: what an application service has sent itself comes back to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..registration import Registration

__all__ = ["Echoes"]


class Echoes:
    """Tells echoes from what others have sent.

    Args:
        registration: The registration. Ghosts are the users in its exclusive namespaces or, if
            none is exclusive, in any: others may be shared with people who write themselves.
        bot_mxid: The bot.
        source_key: What the content of events has that real users send through us.
    """

    def __init__(
        self, registration: Registration, bot_mxid: str | None, source_key: str | None
    ) -> None:
        self._bot_mxid = bot_mxid
        self._source_key = source_key
        exclusive = any(space.exclusive for space in registration.namespaces.users)

        @lru_cache(maxsize=10_000)
        def owns(user_id: str) -> bool:
            return registration.owns_user(user_id, exclusive_only=exclusive)

        self._owns = owns

    def is_ours(self, user_id: object) -> bool:
        """Whether a user is the bot or a ghost."""
        if not isinstance(user_id, str):
            return False
        return user_id == self._bot_mxid or self._owns(user_id)

    def is_ghost(self, user_id: object) -> bool:
        """Whether a user is a ghost."""
        return user_id != self._bot_mxid and self.is_ours(user_id)

    def is_mine(self, event: Mapping[str, Any]) -> bool:
        """Whether an event was sent by the bot, a ghost, or a real user through us; typing and
        receipts: whether it is about nobody else."""
        sender, content = event.get("sender"), event.get("content")
        if sender is not None and self.is_ours(sender):
            return True
        if not isinstance(content, Mapping):
            return False
        if self._source_key is not None and content.get(self._source_key):
            return True
        if sender is not None:
            return False
        users = _users(event.get("type"), content)
        return bool(users) and all(self.is_ours(user) for user in users)


def _users(kind: object, content: Mapping[str, Any]) -> list[Any]:
    """Whom typing or receipts are about."""
    if kind == "m.typing":
        users = content.get("user_ids")
        return users if isinstance(users, list) else []
    if kind != "m.receipt":
        return []
    found: list[Any] = []
    for receipts in content.values():
        for readers in receipts.values() if isinstance(receipts, Mapping) else ():
            found += readers if isinstance(readers, Mapping) else ()
    return found
