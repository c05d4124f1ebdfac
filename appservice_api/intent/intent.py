"""IntentAPI: all that a user can say, with what it needs seen to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..client import ClientAPI
from .ensuring import Ensuring
from .powers import EnsuringPower

if TYPE_CHECKING:
    from ..api.appservice import AppServiceAPI
    from .room import Room

__all__ = ["IntentAPI"]


class IntentAPI(Ensuring, EnsuringPower, ClientAPI):
    """What one user wants to happen: a ghost, the bot or a real user.

    A request is sent at once; only if the homeserver refuses is the user registered, invited by
    the bot, joined, and the very same request sent again. Intents are made by
    :meth:`AppServiceAPI.intent`, are thread-safe, and cost next to nothing.

    Args:
        api: Who speaks.
        ensure_joined: False: never register or join by itself.
    """

    __slots__ = ("__weakref__", "_ensures", "api")

    def __init__(self, api: AppServiceAPI, *, ensure_joined: bool = True) -> None:
        self.api = api
        self._ensures = ensure_joined

    @property
    def bot(self) -> IntentAPI:
        """The intent of the application service's bot."""
        return self.api._root.bot_intent()

    def user(
        self,
        user_id: str,
        token: str | None = None,
        base_url: object = None,
        as_token: bool = False,
    ) -> IntentAPI:
        """Get the intent of another user; as :meth:`AppServiceAPI.intent`.

        Args:
            user_id: The user.
            token: The user's access token, for real users only.
            base_url: The URL of the homeserver, for real users only.
            as_token: ``token`` is an application service's (this one's if None).
        """
        return self.api._root.intent(user_id, token, base_url, real_user_as_token=as_token)

    def room(self, room_id: str) -> Room:
        """Get a room, as this user sees it. The homeserver is asked nothing.

        Args:
            room_id: The room.

        Raises:
            ValueError: That isn't a room ID; an alias must be resolved first.
        """
        from .room import Room

        return Room(self, room_id)

    def __repr__(self) -> str:
        return f"<IntentAPI of {self.api.acting_user or 'the application service'}>"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(
            "an intent can't be pickled: it belongs to an API with a token and open connections. "
            "Pass the user ID, and call intent() in each process."
        )
