"""Ask first, repair on refusal: how a user comes to be registered and joined.

The homeserver decides; the state store only saves questions. A request is sent at once unless
the user is known not to be in the room. A refusal that may mean "not registered" or "not in the
room" starts one repair, shared by all threads, and then the same request is sent again with the
same transaction ID.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from ..api.appservice import identity_query
from ..api.event import sent_kind
from ..api.request import json_body
from ..client.account import AccountMethods
from ..client.base import CallOptions, patience_of
from ..client.devices import UPDATE_DEVICE
from ..client.endpoint import Endpoint, Needs
from ..client.joining import JoiningMethods
from ..clock import now
from ..errors import (
    MatrixRequestError,
    MBadState,
    MForbidden,
    MUnknownDevice,
)
from ..events.membership import Membership
from ..ids import RoomID
from .bot_account import ensure_account

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .intent import IntentAPI

__all__ = ["BRIDGE_BOT", "Ensuring"]


class _BridgeBot:
    def __repr__(self) -> str:
        return "<the application service's bot>"


#: Stands for the application service's bot, where None means nobody.
BRIDGE_BOT: Final = _BridgeBot()

# How many seconds another process is given to note that it has registered a user; the last look
# comes after all of them.
_NOTING = (0.05, 0.2, 0.0)
_INSUFFICIENT_POWER = "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER"


class Ensuring(JoiningMethods, AccountMethods):
    """What makes an intent of a client."""

    __slots__ = ()
    _ensures: bool

    @property
    def _can_register(self) -> bool:
        return not self.api.is_real_user and self.api.identity not in (None, self.api.bot_mxid)

    @property
    def _is_bot(self) -> bool:
        return not self.api.is_real_user and self.api.identity in (None, self.api.bot_mxid)

    @property
    def _is_ours(self) -> bool:
        """Whether the user is the bot or a ghost, and so may be acted for unasked."""
        user = self.api._identity
        return not self.api.is_real_user and (user is None or self.api._shared.ghosts.is_ours(user))

    def ensure_registered(self, **options: Unpack[CallOptions]) -> None:
        """Register the user, unless it is known to be registered, or is a real user.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            ValueError: The name isn't allowed for new users.
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        if not self.api.is_real_user and not self.api.state_store.is_registered(self.mxid):
            self._register_once(None, patience_of(options))

    def _register_once(self, since: float | None, patience: dict[str, Any]) -> bool:
        """Register, once for all threads; whether the user is new, or another thread did it."""
        key = ("register", self.mxid, *patience.items())
        new = self.api._shared.flights.run(key, lambda: self.register(**patience), since)
        return new is not False

    def ensure_joined(
        self,
        room_id: str,
        ignore_cache: bool = False,
        bot: IntentAPI | _BridgeBot | None = BRIDGE_BOT,
        via: Iterable[str] | None = None,
        unban: bool = False,
        **options: Unpack[CallOptions],
    ) -> bool:
        """See to it that the user is in a room: join; if that is refused, have the bot invite
        the user, and join.

        Args:
            room_id: The room.
            ignore_cache: Ask the homeserver even if the user is known to be joined.
            bot: Who invites; the application service's bot by default, None for nobody.
            via: Server names to join through.
            unban: Whether the bot may lift a ban. Without it a moderator's ban stands.
            options: See :class:`CallOptions`.

        Returns:
            Whether the user had to join. A membership that wasn't known counts as one that had
            to be made.

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
        self._join_once(room_id, bot, servers, unban, None, patience_of(options))
        return True

    def _join_once(
        self,
        room_id: str,
        bot: IntentAPI | _BridgeBot | None,
        via: tuple[str, ...],
        unban: bool,
        since: float | None,
        patience: dict[str, Any],
    ) -> None:
        """Join, once for all threads that want it in the same way."""
        inviter, access = self._inviter(bot), self.api._access
        who = inviter.mxid if inviter is not None else None
        key = ("join", room_id, self.mxid, access.base_url, access.key, who, via, unban)
        self.api._shared.flights.run(
            (*key, *patience.items()),
            lambda: self._join_or_be_invited(room_id, inviter, via, unban, patience),
            since,
        )

    def _inviter(self, bot: IntentAPI | _BridgeBot | None) -> IntentAPI | None:
        """Who could invite this user; nobody invites himself."""
        if isinstance(bot, _BridgeBot):
            bot = self.api._root.bot_intent() if not self.api._root.is_real_user else None
        if bot is None or bot.api.acting_user == self.api.acting_user:
            return None
        return bot

    def _join_or_be_invited(
        self,
        room_id: str,
        inviter: IntentAPI | None,
        via: tuple[str, ...],
        unban: bool,
        patience: dict[str, Any],
    ) -> None:
        if self._is_bot:
            ensure_account(self, patience)
        elif self._can_register:
            self.ensure_registered(**patience)
        if self.api.device_id is not None:
            self._make_device(patience)
        try:
            self._join(room_id, via, patience)
            return
        except (MForbidden, MBadState) as refused:
            banned = isinstance(refused, MBadState)
            if inviter is None or (banned and not unban):
                raise
            error: MatrixRequestError = refused
        try:
            self._invite(inviter, room_id, banned, unban, patience)
        except MatrixRequestError as refused:
            refused.context = f"{inviter.mxid} tried to invite {self.mxid}, whose join was refused"
            raise refused from error
        try:
            self._join(room_id, via, patience)
        except MForbidden:
            # The store may believe in a registration that the homeserver has lost.
            if not (self._can_register and self.register(**patience)):
                raise
            self._join(room_id, via, patience)

    def _join(self, room_id: str, via: tuple[str, ...], patience: dict[str, Any]) -> None:
        self.join_room(room_id, via, ensure_joined=False, **patience)

    def _invite(
        self, inviter: IntentAPI, room_id: str, banned: bool, unban: bool, patience: dict[str, Any]
    ) -> None:
        """Invite the user. What another process has done meanwhile is done."""
        user = self.mxid
        if banned:
            self._unban(inviter, room_id, patience)
        try:
            inviter.invite_user(room_id, user, **patience)
        except (MForbidden, MBadState) as refused:
            if isinstance(refused, MForbidden) and inviter._is_already(
                Membership.INVITE, room_id, user, patience
            ):
                return
            # Not all homeservers tell a ban from a missing invite.
            if not unban or banned:
                raise
            self._unban(inviter, room_id, patience)
            inviter.invite_user(room_id, user, **patience)

    def _unban(self, inviter: IntentAPI, room_id: str, patience: dict[str, Any]) -> None:
        try:
            inviter.unban_user(room_id, self.mxid, **patience)
        except MBadState:
            if inviter._is_already(Membership.BAN, room_id, self.mxid, patience):
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
        calls, begun = self.api._shared.calls, self.api._shared.clock.monotonic()
        if self.api.is_real_user:
            self._confirm_token(how)
        if not (ensures and self._ensures):
            return self._ask(endpoint, path, content, how)
        if endpoint.needs is Needs.ACCOUNT and self._is_bot:
            ensure_account(self, patience_of(how))
        room_id = str(values[0]) if endpoint.needs is Needs.JOINED else None
        me, joined = self.api._speaker, None
        if room_id is not None and me is not None:
            joined = self.api.state_store.is_joined(room_id, me)
            if joined is False and self._is_ours:
                calls.begin(how.get("deadline"))
                self._join_once(room_id, BRIDGE_BOT, (), False, None, patience_of(how))
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
                # Whether an attempt got lost is still true of the request sent again.
                refused.repeated = repeated = refused.repeated or repeated
                calls.begin(how.get("deadline"), begun)
                if refused.errcode in repaired or not self._repair(
                    refused, room_id, asked_at, patience_of(how)
                ):
                    raise
                repaired.add(refused.errcode)

    def _come_back(self, room_id: str, patience: dict[str, Any]) -> bool:
        if not (self._ensures and self._is_ours):
            return False
        self._join_once(room_id, BRIDGE_BOT, (), False, None, patience)
        return True

    def _learn(self, endpoint: Endpoint, room_id: str, me: str, asked_on: int) -> None:
        """Remember that a user is in a room in which an event of the user's was taken: the next
        one asks a state store in a database nothing."""
        if sent_kind(endpoint.method, endpoint.template):
            self._notes.set_membership(room_id, me, Membership.JOIN, ts=asked_on)

    def _confirm_token(self, how: dict[str, Any]) -> None:
        """Ask once whose a real user's token is: with somebody else's, all that this intent says
        would be said as somebody else.

        Args:
            how: What the caller said of repeats and timeouts.

        Raises:
            ValueError: The token is another user's.
        """
        api, confirmed = self.api, self.api._shared.confirmed
        key = (api.identity, api._access.base_url, api._access.key)
        if key in confirmed or api._asserts or api.identity is None:
            return
        patience = patience_of(how)
        api._shared.calls.begin(patience.get("deadline"))
        answer = api._shared.flights.run(
            ("whoami", key, *patience.items()), lambda: self.whoami(**patience)
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
        patience: dict[str, Any],
    ) -> bool:
        """Do what a refusal may call for; whether the request is worth sending again.

        Args:
            refused: The refusal.
            room_id: The room that the user must be in, None if in none.
            asked_at: When the refused request was sent, by ``time.monotonic()``.
            patience: How each request of the repair is repeated.
        """
        if isinstance(refused, MUnknownDevice):
            return self._make_device(patience)
        if not isinstance(refused, MForbidden):
            return False
        if refused.body.get("org.matrix.msc3848.unstable.errcode") == _INSUFFICIENT_POWER:
            return False
        self.api.state_store.doubt(room_id, self.mxid)
        if self.api.is_real_user:
            if room_id is not None:
                refused.context = refused.context or (
                    f"{self.mxid} is a real user, whom nobody has join unasked: call "
                    "ensure_joined() or join_room() first"
                )
            return False
        if not self._is_ours and not self._became_ghost(refused, asked_at, patience):
            return False
        if self._can_register:
            known = self.api.state_store.is_registered(self.mxid)
            if room_id is None:
                # Where the store knew of the registration, only a homeserver that has lost it
                # makes the request worth repeating.
                return self._register_once(asked_at, patience) or not known
            if not known:
                self._register_once(asked_at, patience)
        if room_id is None:
            return False
        self._join_once(room_id, BRIDGE_BOT, (), False, asked_at, patience)
        return True

    def _became_ghost(
        self, refused: MatrixRequestError, asked_at: float, patience: dict[str, Any]
    ) -> bool:
        """Whether a user of a namespace that isn't exclusive could be registered: then it is a
        ghost, and a person otherwise, for whom nothing is done unasked. A refusal is told so."""
        user = self.mxid
        self._register_once(asked_at, patience)
        store, sleep = self.api.state_store, self.api._shared.sleep
        for pause in _NOTING:
            if store.is_registered(user):
                return True
            # Another process may have registered it this very moment.
            sleep(pause)
            store.doubt(None, user)
        refused.context = refused.context or (
            f"{user} is in use, in a namespace that isn't exclusive, and isn't known to be a "
            "ghost, so nothing was done for it unasked: if it is a person, call ensure_joined() "
            "first; if it is a ghost that was registered earlier, tell state_store.registered(), "
            "and use a state store that outlives the process, or an exclusive namespace"
        )
        return False

    def _make_device(self, patience: dict[str, Any]) -> bool:
        """Make the device to act as; application services may, without a login."""
        api, device = self.api, self.api.device_id
        if device is None or api.is_real_user:
            return False
        if self._is_bot:
            ensure_account(self, patience)
        path = UPDATE_DEVICE.path((device,))
        # Not as the device itself, which isn't there yet.
        query = identity_query(api.identity, None)
        api._shared.flights.run(
            ("device", api.acting_user, device, *patience.items()),
            lambda: api._send(
                "PUT", path, UPDATE_DEVICE.template, json_body({}), query=query,
                user=api.acting_user, **patience,
            ),
        )  # fmt: skip
        return True
