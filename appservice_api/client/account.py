"""The homeserver and the account: versions, capabilities, whoami, registration, ping."""

from __future__ import annotations

from typing import Any

from .. import answers, errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, RetryOptions, retry_options
from ..api.request import as_body, json_body
from ..compat import Unpack
from ..errors import MatrixError, MatrixRequestError, MatrixResponseError
from ..ids import UserID, check_localpart, localpart_of, server_of
from ..state_store.items import copied
from .base import ClientMethods
from .profile import PROFILE

__all__ = ["AccountMethods"]

VERSIONS = Endpoint("GET", "/_matrix/client/versions", Needs.NOTHING)
WHOAMI = Endpoint("GET", "/_matrix/client/v3/account/whoami", Needs.NOTHING)
REGISTER = Endpoint("POST", "/_matrix/client/v3/register", Needs.NOTHING)
CAPABILITIES = Endpoint("GET", "/_matrix/client/v3/capabilities", Needs.REGISTERED)
AVAILABLE = Endpoint("GET", "/_matrix/client/v3/register/available", Needs.NOTHING)
PING = Endpoint("POST", "/_matrix/client/v1/appservice/{appserviceId}/ping", Needs.NOTHING)
_FAILED = 500


class AccountMethods(ClientMethods):
    """The homeserver and the account of the acting user."""

    __slots__ = ()

    @staticmethod
    def parse_user_id(mxid: str) -> tuple[str, str]:
        """Split a user ID into localpart and server name.

        Args:
            mxid: The user ID.

        Raises:
            ValueError: ``mxid`` isn't a user ID.
        """
        user = UserID(mxid)
        return localpart_of(user), server_of(user)

    @VERSIONS
    def versions(
        self, no_cache: bool = False, **options: Unpack[CallOptions]
    ) -> answers.VersionsResponse:
        """Get the versions of the specification that the homeserver supports; asked once for all
        users.

        Args:
            no_cache: Ask the homeserver again.
            options: See :class:`CallOptions`.

        Returns:
            ``versions``, a list, and ``unstable_features``; ``supports("v1.11")`` checks both.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /_matrix/client/versions``.
        """
        shared, homeserver = self.api._shared, self.api._access.base_url
        if no_cache or homeserver not in shared.versions:
            retry = retry_options(options)
            answer = shared.flights.run(
                ("versions", homeserver, *retry.items()), lambda: self._ask_versions(retry)
            )
            shared.versions[homeserver] = answer if isinstance(answer, dict) else {}
        return answers.VersionsResponse(copied(shared.versions[homeserver]))

    def _ask_versions(self, retry: RetryOptions) -> Any:
        # Without user_id: the ghost may not be registered yet.
        return self.api._send(
            "GET", VERSIONS.path(()), VERSIONS.template, as_body("GET", None), **retry
        )  # fmt: skip

    @CAPABILITIES
    def get_capabilities(self, **options: Unpack[CallOptions]) -> answers.Capabilities:
        """Get what the homeserver lets the user do, and which room versions it supports.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /capabilities``.
        """
        answer = self._call(CAPABILITIES, options=options)
        return answers.Capabilities(self._field(CAPABILITIES, answer, "capabilities", dict))

    @WHOAMI
    def whoami(self, **options: Unpack[CallOptions]) -> answers.WhoamiResponse:
        """Get the user that the homeserver identifies by the token and ``user_id``.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``user_id`` and, if there is one, ``device_id``.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /account/whoami``.
        """
        return answers.WhoamiResponse(self._ask_whoami(options, as_device=True))

    def _ask_whoami(self, options: CallOptions, *, as_device: bool) -> dict[str, Any]:
        answer: dict[str, Any] = self._call(WHOAMI, options=options, as_device=as_device)
        try:
            user = UserID(self._field(WHOAMI, answer, "user_id", str))
        except ValueError as error:
            raise MatrixResponseError(
                f"the answer must name a user: {error}", method=WHOAMI.method,
                path=WHOAMI.template, user=self.api.acting_user,
            ) from None  # fmt: skip
        api = self.api
        if api.is_real_user and api.identity is None:
            api._identity = user
        if api.identity is None and not api.is_real_user and api._shared.bot_mxid is None:
            api._shared.bot_mxid = user
        return answer

    def _ask_own_id(self) -> UserID:
        answer = self._ask_whoami({}, as_device=False)
        return UserID.read(self._field(WHOAMI, answer, "user_id", str))

    @REGISTER
    def register(self, **options: Unpack[CallOptions]) -> bool:
        """Register the ghost. It is no error if the user is registered already; in a non-exclusive
        namespace such a user may be a person, and doesn't become a ghost.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            Whether the ghost is new.

        Raises:
            ValueError: This is a real user, or the localpart isn't allowed for new users.
            MExclusive: The user isn't in the application service's namespaces.
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
            # Homeservers with OAuth refuse to create a token, and none is needed.
            "inhibit_login": True,
        }
        try:
            # Without user_id: the user doesn't exist yet.
            self.api._send(
                "POST",
                REGISTER.path(()),
                REGISTER.template,
                json_body(content),
                user=self.api._shared.bot_mxid,
                **retry_options(options),
            )
        except errors.MUserInUse:
            if not self.api._shared.ghosts.is_shared(user):
                self._best_effort.registered(user)
            return False
        except MatrixRequestError as refused:
            if user == self.api.bot_mxid and refused.http_status == _FAILED:
                self._explain(refused, user, retry_options(options))
            raise
        self._best_effort.registered(user)
        return True

    def _explain(self, refused: MatrixRequestError, bot: str, retry: RetryOptions) -> None:
        """Explain an error that comes from a bot with a profile but no account: Synapse creates
        the profile if the bot sets its name before it is registered, and then can't register it."""
        try:
            self._ask(PROFILE, PROFILE.path((bot,)), None, {**retry, "as_device": False})
        except MatrixError:
            return
        refused.context = (
            f"{bot} has a profile and perhaps no account. Synapse can't register it then: remove "
            "the row of this full_user_id from its table profiles while Synapse is stopped"
        )

    @AVAILABLE
    def check_username_availability(self, username: str, **options: Unpack[CallOptions]) -> bool:
        """Check whether a user could register a name.

        Homeservers answer as for an ordinary new user: Synapse calls names that begin with ``_``
        invalid, and refuses to answer if registration is disabled.

        Args:
            username: The localpart.
            options: See :class:`CallOptions`.

        Returns:
            False if the name is taken.

        Raises:
            MInvalidUsername: The name isn't allowed.
            MExclusive: The name belongs to an application service.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /register/available``.
        """
        if not isinstance(username, str) or not username or username[0] == "@":
            raise ValueError(f"username must be the localpart of a user ID, not {username!r}")
        query = {"username": username}
        try:
            answer = self._call(AVAILABLE, options=options, query_params=query, anonymous=True)
        except errors.MUserInUse:
            return False
        return not isinstance(answer, dict) or answer.get("available") is not False

    @PING
    def appservice_ping(
        self, appservice_id: str, txn_id: str | None = None, **options: Unpack[CallOptions]
    ) -> int:
        """Ask the homeserver to ping the application service.

        Args:
            appservice_id: The ``id`` of the registration.
            txn_id: A text that the homeserver sends with the ping.
            options: See :class:`CallOptions`.

        Returns:
            How long the homeserver waited for the answer, in milliseconds.

        Raises:
            MUrlNotSet: The registration has no URL.
            MConnectionFailed, MConnectionTimeout, MBadStatus: The homeserver couldn't reach the
                application service, or got an error from it (see ``body``).
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Application Service API, "Pinging".
        """
        content = {"transaction_id": txn_id} if txn_id is not None else {}
        # Without the bot's device, which may be missing and isn't needed.
        answer = self._call(PING, (appservice_id,), content, options, as_device=False)
        return self._field(PING, answer, "duration_ms", int)
