"""How a user and its device are registered.

Homeservers let the bot act without an account, so no refusal ever reports that it has none; but
without an account it has no profile, and users can't find it. So the bot is registered before
requests that need an account; a ghost only after a refusal of its request, or before it joins.
"""

from __future__ import annotations

from http import HTTPStatus

from .. import errors
from ..api.options import CallOptions, RetryOptions, retry_options
from ..api.request import json_body
from ..api.speaker import identity_query
from ..client.account import AccountMethods
from ..client.devices import UPDATE_DEVICE
from ..compat import Unpack
from ..errors import MatrixRequestError

__all__ = ["Registering"]

# Seconds to wait, after each read of the store, for another process to store that it has registered
# a user.
_NOTING = (0.05, 0.2, 0.0)


class Registering(AccountMethods):
    """Registers a user, and creates its device, when that is needed."""

    __slots__ = ()

    @property
    def _can_register(self) -> bool:
        return not self.api.is_real_user and self.api.identity not in (None, self.api.bot_mxid)

    @property
    def _is_bot(self) -> bool:
        return not self.api.is_real_user and self.api.identity in (None, self.api.bot_mxid)

    @property
    def _is_ours(self) -> bool:
        """Whether the user is the bot or a ghost, which may be registered and joined by itself."""
        user = self.api._identity
        return not self.api.is_real_user and (user is None or self.api._shared.ghosts.is_ours(user))

    def ensure_registered(self, **options: Unpack[CallOptions]) -> None:
        """Register the user, unless it is known to be registered, or is a real user.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            ValueError: The localpart isn't allowed for new users.
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        if not self.api.is_real_user and not self.api.state_store.is_registered(self.mxid):
            self._register_once(None, retry_options(options))

    def _register_once(self, since: float | None, retry: RetryOptions) -> None:
        """Register, once for all threads; a user that is registered already stays so."""
        key = ("register", self.mxid, *retry.items())
        self.api._shared.flights.run(key, lambda: self.register(**retry), since)

    def _ensure_account(self, retry: RetryOptions) -> None:
        """Register this user, the bot, unless it is known to be registered. If the homeserver
        refuses, the bot acts without an account, and this process doesn't try again.

        Args:
            retry: How the request is repeated.

        Raises:
            MatrixConnectionError: The homeserver couldn't be reached.
        """
        shared = self.api._shared
        if shared.bot_refused or self.api.state_store.is_registered(self.mxid):
            return
        try:
            self._register_once(None, retry)
        except errors.MUnknownToken:
            # The token belongs to an ordinary user, who has an account.
            shared.bot_refused = True
        except MatrixRequestError as refused:
            shared.bot_refused = not refused.temporary
            if refused.http_status != HTTPStatus.TOO_MANY_REQUESTS:
                self.api.log.warning(
                    "%s goes on without an account of its own: %s", self.mxid, refused
                )

    def _became_ghost(
        self, refused: MatrixRequestError, asked_at: float, retry: RetryOptions
    ) -> bool:
        """Register a user of a non-exclusive namespace. Returns whether that worked: then the user
        is a ghost. Otherwise it may be a person; the error then says what to do."""
        user = self.mxid
        self._register_once(asked_at, retry)
        store, sleep = self.api.state_store, self.api._shared.sleep
        for pause in _NOTING:
            if store.is_registered(user):
                return True
            # Another process may have registered it just now.
            sleep(pause)
            store.invalidate(None, user)
        refused.context = refused.context or (
            f"{user} is in use, in a namespace that isn't exclusive, and isn't known to be a "
            "ghost, so nothing was done for it unasked: if it is a person, call ensure_joined() "
            "first; if it is a ghost that was registered earlier, tell state_store.registered(), "
            "and use a state store that outlives the process, or an exclusive namespace"
        )
        return False

    def _make_device(self, retry: RetryOptions) -> bool:
        """Create the device to act as; application services need no login for that."""
        api, device = self.api, self.api.device_id
        if device is None or api.is_real_user:
            return False
        if self._is_bot:
            self._ensure_account(retry)
        path = UPDATE_DEVICE.path((device,))
        # Not as the device itself, which doesn't exist yet.
        query = identity_query(api.identity, None)
        api._shared.flights.run(
            ("device", api.acting_user, device, *retry.items()),
            lambda: api._send(
                "PUT", path, UPDATE_DEVICE.template, json_body({}), query=query,
                user=api.acting_user, **retry,
            ),
        )  # fmt: skip
        return True
