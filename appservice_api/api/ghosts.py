"""Ghosts: the users that an application service manages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from ..registration import Registration
    from ..state_store import ASStateStore

    class _Shared(Protocol):
        registration: Registration | None
        state_store: ASStateStore

        @property
        def bot_mxid(self) -> str | None: ...


__all__ = ["Ghosts"]


class Ghosts:
    """Distinguishes ghosts from people.

    A user of an exclusive namespace is a ghost: nobody else can have registered it. In other
    namespaces, a user is a ghost if this application service has registered it, as the state store
    knows; otherwise a person.

    Args:
        shared: Has the bot, the state store and the registration; without a registration, every
            user counts as a ghost.
    """

    __slots__ = ("_is_exclusive", "_shared", "shares")

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared
        registration = shared.registration
        spaces = registration.namespaces.users if registration is not None else []
        #: Whether the store must be asked about some users.
        self.shares = any(not space.exclusive for space in spaces)

        # A registration never changes, but the content of the store does.
        @lru_cache(maxsize=10_000)
        def is_exclusive(user_id: str) -> bool | None:
            if registration is None:
                return True
            if not registration.owns_user(user_id):
                return None
            return registration.owns_user(user_id, exclusive_only=True)

        self._is_exclusive = is_exclusive

    def is_shared(self, user_id: str) -> bool:
        """Whether a user is in a namespace that isn't exclusive, and so may be a person."""
        return (
            self.shares
            and user_id != self._shared.bot_mxid
            and self._is_exclusive(user_id) is False
        )

    def is_ours(self, user_id: str) -> bool:
        """Whether a user is the bot or a ghost.

        Raises:
            StateStoreError: The store can't be reached.
        """
        exclusive = self._is_exclusive(user_id)
        if exclusive is False and user_id != self._shared.bot_mxid:
            return self._shared.state_store.is_registered(user_id)
        return bool(exclusive) or user_id == self._shared.bot_mxid

    def ours_among(self, user_ids: Iterable[str]) -> list[str]:
        """Which users are the bot or a ghost, in the order given; as :meth:`is_ours`."""
        users = [*user_ids]
        known: set[str] = set()
        if self.shares:
            known = self._shared.state_store.registered_among(
                user for user in users if self._is_exclusive(user) is False
            )
        return [user for user in users if user in known or self._is_surely_ours(user)]

    def _is_surely_ours(self, user_id: str) -> bool:
        return user_id == self._shared.bot_mxid or bool(self._is_exclusive(user_id))

    def is_ghost(self, user_id: str) -> bool:
        """Whether a user is a ghost; as :meth:`is_ours`."""
        return user_id != self._shared.bot_mxid and self.is_ours(user_id)
