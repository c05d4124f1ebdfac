"""The homeserver and the account: versions, whoami, registering, the ping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..api.request import json_body
from ..errors import MUserInUse
from ..ids import UserID, check_localpart, localpart_of
from .base import CallOptions, ClientMethods
from .endpoint import Endpoint, Needs

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["AccountMethods"]

VERSIONS = Endpoint("GET", "/_matrix/client/versions", Needs.NOTHING)
WHOAMI = Endpoint("GET", "/_matrix/client/v3/account/whoami", Needs.NOTHING)
REGISTER = Endpoint("POST", "/_matrix/client/v3/register", Needs.NOTHING)
PING = Endpoint("POST", "/_matrix/client/v1/appservice/{appserviceId}/ping", Needs.NOTHING)


class AccountMethods(ClientMethods):
    """The homeserver and the account of the user who is acting."""

    __slots__ = ()

    @VERSIONS
    def versions(self, no_cache: bool = False, **options: Unpack[CallOptions]) -> dict[str, Any]:
        """The versions of the specification that the homeserver supports; asked once for all
        users.

        Args:
            no_cache: Ask again.
            options: See :class:`CallOptions`.

        Returns:
            ``versions``, a list, and ``unstable_features``.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /_matrix/client/versions``.
        """
        shared = self.api._shared
        if shared.versions is None or no_cache:
            shared.versions = shared.flights.run(
                "versions", lambda: dict(self._call(VERSIONS, options=options))
            )
        return dict(shared.versions or {})

    @WHOAMI
    def whoami(self, **options: Unpack[CallOptions]) -> dict[str, Any]:
        """Who the homeserver takes the user for.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``user_id`` and, where there is one, ``device_id``.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /account/whoami``.
        """
        answer = self._call(WHOAMI, options=options)
        user = UserID(self._field(WHOAMI, answer, "user_id", str))
        api = self.api
        if api.is_real_user and api.identity is None:
            api._identity = user
        if api.identity is None and not api.is_real_user and api._shared.bot_mxid is None:
            api._shared.bot_mxid = user
        return dict(answer)

    def _ask_own_id(self) -> UserID:
        return UserID.read(self._field(WHOAMI, self.whoami(), "user_id", str))

    @REGISTER
    def register(self, **options: Unpack[CallOptions]) -> bool:
        """Register the ghost. One that is registered already is no error.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            Whether the ghost is new.

        Raises:
            ValueError: This is a real user, or the name isn't allowed for new users.
            MExclusive: The name isn't in the application service's namespaces.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Application Service API, "Server admin style permissions".
        """
        if self.api.is_real_user:
            raise ValueError(f"{self.mxid} is a real user: only ghosts are registered")
        user = self.mxid
        if user != self.api.bot_mxid:
            check_localpart(localpart_of(user))
        content = {
            "type": "m.login.application_service",
            "username": localpart_of(user),
            # Homeservers with OAuth refuse to make a token, and none is needed.
            "inhibit_login": True,
        }
        try:
            # Without user_id: nobody can act as a user who isn't there yet.
            self.api._send(
                "POST",
                REGISTER.path(()),
                REGISTER.template,
                json_body(content),
                user=self.api._shared.bot_mxid,
                **_without_ensuring(options),
            )
            created = True
        except MUserInUse:
            created = False
        self.api.state_store.registered(user)
        return created

    @PING
    def appservice_ping(
        self, appservice_id: str, txn_id: str | None = None, **options: Unpack[CallOptions]
    ) -> int:
        """Have the homeserver ping the application service.

        Args:
            appservice_id: The ``id`` of the registration.
            txn_id: A text that comes along with the ping.
            options: See :class:`CallOptions`.

        Returns:
            How many milliseconds the homeserver waited for the answer.

        Raises:
            MUrlNotSet: The registration has no URL.
            MConnectionFailed, MConnectionTimeout, MBadStatus: The homeserver couldn't reach the
                application service, or got no good answer (``body`` has it).
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Application Service API, "Pinging".
        """
        content = {"transaction_id": txn_id} if txn_id is not None else {}
        answer = self._call(PING, (appservice_id,), content, options)
        return self._field(PING, answer, "duration_ms", int)


def _without_ensuring(options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != "ensure_joined"}
