"""How a user joins a room: when a join happens, and by which requests.

When: :meth:`Joining.ensure_joined` is called; or the state store knows, before a request is sent,
that the user isn't in the room (:meth:`Joining._ensured`); or the homeserver refuses a request in a
way that may mean "not registered" or "not in the room" (:meth:`Joining._repair`): the request is
then sent again, with the same transaction ID. If the membership isn't known, the request is sent
immediately: the homeserver decides. :class:`~appservice_api.api.endpoint.Needs` of its endpoint
says whether a request needs a join. A real user is never joined without an explicit call. When a
room is replaced, ``receiver/upgrades.py`` joins the bot or a ghost to the new one.

How: :meth:`Joining._join_or_be_invited`, once for all threads that need it: the user is registered
and joins; if the join is refused, the bot invites the user, who joins again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from .. import errors
from ..api.endpoint import Endpoint, Needs
from ..api.event import sent_kind
from ..api.options import CallOptions, RetryOptions, retry_options
from ..client.joining import JoiningMethods
from ..clock import now
from ..compat import Unpack
from ..errors import MatrixRequestError
from ..events.membership import Membership
from ..ids import RoomID
from .registering import Registering

__all__ = ["BRIDGE_BOT", "Joining"]


class _BridgeBot:
    def __repr__(self) -> str:
        return "<the application service's bot>"


#: Stands for the application service's bot, since None means no inviter.
BRIDGE_BOT: Final = _BridgeBot()

_INSUFFICIENT_POWER = "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER"


class Joining(JoiningMethods, Registering):
    """Joins rooms for a user when that is needed."""

    __slots__ = ()
    _ensures: bool

    def _bot_if_any(self) -> Joining | None:
        """The bot's intent, or None; :class:`IntentAPI` implements it."""
        raise NotImplementedError

    def ensure_joined(
        self,
        room_id: str,
        ignore_cache: bool = False,
        bot: Joining | _BridgeBot | None = BRIDGE_BOT,
        via: Iterable[str] | None = None,
        unban: bool = False,
        **options: Unpack[CallOptions],
    ) -> bool:
        """Join a room unless the user is in it. If the join is refused, the bot invites the user,
        who joins again.

        Args:
            room_id: The room.
            ignore_cache: Join even if the user is known to be joined.
            bot: The intent that invites; the application service's bot by default, None for no
                invite.
            via: Server names to join through.
            unban: Whether the bot may lift a ban.
            options: See :class:`CallOptions`.

        Returns:
            False if the user was known to be joined; True if a join was sent.

        Raises:
            MBadState: The user is banned.
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        RoomID(room_id)
        if self.api.is_real_user:
            self._confirm_token(dict(options))
        user = self.mxid
        if not ignore_cache and self.api.state_store.is_joined(room_id, user):
            return False
        servers = (via,) if isinstance(via, str) else tuple(via or ())
        self._join_once(room_id, bot, servers, unban, None, retry_options(options))
        return True

    def _join_once(
        self,
        room_id: str,
        bot: Joining | _BridgeBot | None,
        via: tuple[str, ...],
        unban: bool,
        since: float | None,
        retry: RetryOptions,
    ) -> None:
        """Join, once for all threads that need the same join."""
        inviter, access = self._inviter(bot), self.api._access
        who = inviter.mxid if inviter is not None else None
        key = ("join", room_id, self.mxid, access.base_url, access.key, who, via, unban)
        self.api._shared.flights.run(
            (*key, *retry.items()),
            lambda: self._join_or_be_invited(room_id, inviter, via, unban, retry),
            since,
        )

    def _inviter(self, bot: Joining | _BridgeBot | None) -> Joining | None:
        """The intent that can invite this user: ``bot``, unless it is the same user."""
        if isinstance(bot, _BridgeBot):
            bot = self._bot_if_any()
        if bot is None or bot.api.acting_user == self.api.acting_user:
            return None
        return bot

    def _join_or_be_invited(
        self,
        room_id: str,
        inviter: Joining | None,
        via: tuple[str, ...],
        unban: bool,
        retry: RetryOptions,
    ) -> None:
        """Join; if that is refused, invite the user and join again."""
        if self._is_bot:
            self._ensure_account(retry)
        elif self._can_register:
            self.ensure_registered(**retry)
        if self.api.device_id is not None:
            self._make_device(retry)
        try:
            self._join(room_id, via, retry)
            return
        except (errors.MForbidden, errors.MBadState) as refused:
            banned = isinstance(refused, errors.MBadState)
            if inviter is None or (banned and not unban):
                raise
            error: MatrixRequestError = refused
        try:
            self._invite(inviter, room_id, banned, unban, retry)
        except MatrixRequestError as refused:
            refused.context = f"{inviter.mxid} tried to invite {self.mxid}, whose join was refused"
            raise refused from error
        try:
            self._join(room_id, via, retry)
        except errors.MForbidden:
            # The store may remember a registration that the homeserver has lost.
            if not (self._can_register and self.register(**retry)):
                raise
            self._join(room_id, via, retry)

    def _join(self, room_id: str, via: tuple[str, ...], retry: RetryOptions) -> None:
        self.join_room(room_id, via, ensure_joined=False, **retry)

    def _invite(
        self, inviter: Joining, room_id: str, banned: bool, unban: bool, retry: RetryOptions
    ) -> None:
        """Invite the user. An invite that another process sent meanwhile counts as success."""
        user = self.mxid
        if banned:
            self._unban(inviter, room_id, retry)
        try:
            inviter.invite_user(room_id, user, **retry)
        except (errors.MForbidden, errors.MBadState) as refused:
            if isinstance(refused, errors.MForbidden) and inviter._is_already(
                Membership.INVITE, room_id, user, retry
            ):
                return
            # Not all homeservers distinguish a ban from a missing invite.
            if not unban or banned:
                raise
            self._unban(inviter, room_id, retry)
            inviter.invite_user(room_id, user, **retry)

    def _unban(self, inviter: Joining, room_id: str, retry: RetryOptions) -> None:
        try:
            inviter.unban_user(room_id, self.mxid, **retry)
        except errors.MBadState:
            if inviter._is_already(Membership.BAN, room_id, self.mxid, retry):
                raise

    def _ensured(
        self,
        endpoint: Endpoint,
        values: tuple[object, ...],
        path: str,
        content: Any,
        how: dict[str, Any],
        ensures: bool,
    ) -> Any:
        """Make a request. Join first if the user is known not to be in the room; after a refusal,
        repair its possible cause and send the request again."""
        calls, begun = self.api._shared.calls, self.api._shared.clock.monotonic()
        if self.api.is_real_user:
            self._confirm_token(how)
        if not (ensures and self._ensures):
            return self._ask(endpoint, path, content, how)
        if endpoint.needs is Needs.ACCOUNT and self._is_bot:
            self._ensure_account(retry_options(how))
        room_id = str(values[0]) if endpoint.needs is Needs.JOINED else None
        me, joined = self.api._acting, None
        if room_id is not None and me is not None:
            joined = self.api.state_store.is_joined(room_id, me)
            if joined is False and self._is_ours:
                calls.begin(how.get("deadline"))
                self._join_once(room_id, BRIDGE_BOT, (), False, None, retry_options(how))
        repaired: set[str | None] = set()
        repeated = False
        while True:
            asked_at, asked_on = time.monotonic(), now()
            try:
                answer = self._ask(endpoint, path, content, how)
                if joined is None and room_id is not None and me is not None:
                    self._learn(endpoint, room_id, me, asked_on)
                return answer
            except MatrixRequestError as refused:
                # An attempt whose answer was lost also counts for the request sent again.
                refused.repeated = repeated = refused.repeated or repeated
                calls.begin(how.get("deadline"), begun)
                if refused.errcode in repaired or not self._repair(
                    refused, room_id, asked_at, retry_options(how)
                ):
                    raise
                repaired.add(refused.errcode)

    def _come_back(self, room_id: str, retry: RetryOptions) -> bool:
        if not (self._ensures and self._is_ours):
            return False
        self._join_once(room_id, BRIDGE_BOT, (), False, None, retry)
        return True

    def _learn(self, endpoint: Endpoint, room_id: str, me: str, asked_on: int) -> None:
        """Store that the user is in a room, since the homeserver accepted an event of the user
        there: the next event then needs no query of a database."""
        if sent_kind(endpoint.method, endpoint.template):
            self._best_effort.set_membership(room_id, me, Membership.JOIN, ts=asked_on)

    def _confirm_token(self, how: dict[str, Any]) -> None:
        """Ask the homeserver once whether a token belongs to the expected real user: with another
        user's token, everything would be sent as that user.

        Args:
            how: The options of the request.

        Raises:
            ValueError: The token belongs to another user.
        """
        api, confirmed = self.api, self.api._shared.confirmed
        key = (api.identity, api._access.base_url, api._access.key)
        if key in confirmed or api._asserts or api.identity is None:
            return
        retry = retry_options(how)
        api._shared.calls.begin(retry.get("deadline"))
        answer = api._shared.flights.run(
            ("whoami", key, *retry.items()), lambda: self.whoami(**retry)
        )
        if answer is not None and answer.get("user_id") != api.identity:
            raise ValueError(
                f"the token given for {api.identity} is that of {answer.get('user_id')}: what is "
                "sent with it would be sent as another user"
            )
        confirmed.add(key)

    def _repair(
        self,
        refused: MatrixRequestError,
        room_id: str | None,
        asked_at: float,
        retry: RetryOptions,
    ) -> bool:
        """Repair the possible cause of a refusal. Returns whether to send the request again.

        Args:
            refused: The refusal.
            room_id: The room that the user must be in, or None.
            asked_at: When the refused request was sent, by ``time.monotonic()``.
            retry: How each request of the repair is repeated.
        """
        if isinstance(refused, errors.MUnknownDevice):
            return self._make_device(retry)
        if not isinstance(refused, errors.MForbidden):
            return False
        if refused.body.get("org.matrix.msc3848.unstable.errcode") == _INSUFFICIENT_POWER:
            return False
        self.api.state_store.invalidate(room_id, self.mxid)
        if self.api.is_real_user:
            if room_id is not None:
                refused.context = refused.context or (
                    f"{self.mxid} is a real user, whom nobody has join unasked: call "
                    "ensure_joined() or join_room() first"
                )
            return False
        if not self._is_ours and not self._became_ghost(refused, asked_at, retry):
            return False
        if room_id is None:
            if self._can_register:
                # Another thread may have registered the user after the request was sent.
                self._register_once(asked_at, retry)
            return self._can_register
        self._join_once(room_id, BRIDGE_BOT, (), False, asked_at, retry)
        return True
