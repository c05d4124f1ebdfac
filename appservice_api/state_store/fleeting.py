"""What is remembered only as long as the process lives: presence and read receipts sent last."""

from __future__ import annotations

__all__ = ["Fleeting"]

_MOST = 100_000


class Fleeting:
    """Presence and read receipts of ghosts, in memory and bounded: forgetting one costs a request
    that changes nothing."""

    def __init__(self) -> None:
        self._presence: dict[str, str] = {}
        self._read: dict[tuple[str, str], str] = {}

    def set_presence(self, user_id: str, presence: str) -> None:
        """Remember the presence that was sent last for a user."""
        if len(self._presence) >= _MOST:
            self._presence.clear()
        self._presence[user_id] = presence

    def has_presence(self, user_id: str, presence: str) -> bool:
        """Whether this presence was sent last for a user."""
        return self._presence.get(user_id) == presence

    def set_read(self, room_id: str, user_id: str, event_id: str) -> None:
        """Remember up to which event a user has read."""
        if len(self._read) >= _MOST:
            self._read.clear()
        self._read[room_id, user_id] = event_id

    def get_read(self, room_id: str, user_id: str) -> str | None:
        """The event up to which a user has read, None if it isn't known."""
        return self._read.get((room_id, user_id))
