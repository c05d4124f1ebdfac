"""Rejoining: the ghosts of a room join the one that replaces it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..appservice import AppServiceAPI
from ..errors import MatrixRequestError, MForbidden
from ..events.membership import Membership
from ..ids import UserID
from ..intent import Room
from .echoes import Echoes

__all__ = ["Rejoined", "Rejoining"]


class Rejoined(NamedTuple):
    """The outcome of bringing ghosts from a room to the one that replaces it.

    Attributes:
        joined: Who is in the new room now.
        failed: Who isn't, and why.
    """

    joined: list[UserID]
    failed: dict[UserID, MatrixRequestError]


class Rejoining:
    """Finds the ghosts of a room, and brings them along."""

    def __init__(self, api: AppServiceAPI, echoes: Echoes) -> None:
        self._api = api
        self._bot = api.bot_intent()
        self._store = api.state_store
        self._echoes = echoes

    def rejoin(self, old: Room, new: Room) -> Rejoined:
        """Have all ghosts that are in one room join another; see
        :meth:`AppService.rejoin_ghosts`."""
        done = Rejoined([], {})
        for ghost in self.ghosts_in(old):
            try:
                self._api.intent(ghost).ensure_joined(new.room_id, bot=new.intent)
            except MatrixRequestError as refused:
                done.failed[ghost] = refused
            else:
                done.joined.append(ghost)
        return done

    def ghosts_in(self, room: Room) -> list[UserID]:
        """The ghosts that are in a room. The homeserver is asked unless all members are known.

        Args:
            room: The room, as a user sees it who is asked first.

        Raises:
            MForbidden: Neither that user nor the bot nor a known ghost is in the room.
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        room_id = room.room_id
        known = self.known_ghosts(room_id)
        if self._store.has_full_member_list(room_id):
            return known
        # Some homeservers show the bot the members of any ghost's room, others don't.
        readers = dict.fromkeys([room.intent, self._bot, *map(self._api.intent, known[:1])])
        error: MForbidden | None = None
        for reader in readers:
            try:
                members = reader.get_joined_members(room_id, ensure_joined=False)
            except MForbidden as refused:
                error = error or refused
            else:
                return self._ghosts_of(members)
        assert error is not None
        raise error

    def known_ghosts(self, room_id: str) -> list[UserID]:
        """The ghosts that are known to be in a room; the homeserver isn't asked."""
        return self._ghosts_of(self._store.get_members(room_id, (Membership.JOIN,)))

    def _ghosts_of(self, members: Iterable[str]) -> list[UserID]:
        ours = self._echoes.ours_among(members)
        return [UserID.read(user) for user in ours if user != self._bot.mxid]
