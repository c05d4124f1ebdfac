"""Logging in and out, and deactivating an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import answers
from ..api.access import Access, check_token
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, call_options, retry_options
from ..api.request import json_body
from ..compat import Unpack
from ..ids import UserID
from .base import ClientMethods

__all__ = ["LoginMethods"]

_V3 = "/_matrix/client/v3"
FLOWS = Endpoint("GET", _V3 + "/login", Needs.NOTHING)
LOGIN = Endpoint("POST", _V3 + "/login", Needs.NOTHING)
# REGISTERED, so that the user of a token is confirmed before the token or account is ended.
LOGOUT = Endpoint("POST", _V3 + "/logout", Needs.REGISTERED, already=("M_UNKNOWN_TOKEN",))
LOGOUT_ALL = Endpoint("POST", _V3 + "/logout/all", Needs.REGISTERED, already=("M_UNKNOWN_TOKEN",))
DEACTIVATE = Endpoint("POST", _V3 + "/account/deactivate", Needs.REGISTERED)

_BY_PASSWORD = "m.login.password"
_BY_SERVICE = "m.login.application_service"
_RESERVED = frozenset({"identifier", "initial_device_display_name", "type"})


class LoginMethods(ClientMethods):
    """Creating and ending access tokens; deactivating accounts."""

    __slots__ = ()

    @FLOWS
    def get_login_flows(self, **options: Unpack[CallOptions]) -> answers.LoginFlowList:
        """Get the supported ways to log in.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``flows``; ``supports("m.login.password")`` checks them.

        Raises:
            MUnrecognized: The homeserver has OAuth 2.0 only.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /login``.
        """
        return answers.LoginFlowList.read(self._call(FLOWS, options=options, anonymous=True))

    @LOGIN
    def login(
        self,
        identifier: str | Mapping[str, Any] | None = None,
        login_type: str = _BY_PASSWORD,
        device_name: str | None = None,
        device_id: str | None = None,
        password: str | None = None,
        store_access_token: bool = True,
        update_hs_url: bool = False,
        **kwargs: Any,
    ) -> answers.LoginResponse:
        """Log a user in, and get the access token.

        The user and token of this object don't change. Use the answer to act as the user, as a
        double puppet::

            login = bot.login("@alice:example.org", password=...)
            alice = api.intent(login.user_id, token=login.access_token)

        With ``m.login.application_service`` the user is in the application service's namespaces,
        and the as_token is used, no password. A ghost must be registered first
        (:meth:`ensure_registered`), and needs a login only to get a token of its own.

        Args:
            identifier: The user: a user ID, a localpart, or an identifier as JSON. If None, the
                acting user for the login types ``m.login.password`` and
                ``m.login.application_service``; no identifier for others.
            login_type: The login type.
            device_name: The name of a new device.
            device_id: The device; a new one if None. Earlier tokens of the device become invalid.
            password: The password.
            store_access_token: Whether to store in memory whose token it is, so that an intent made
                with it doesn't ask the homeserver first.
            update_hs_url: Not supported: pass ``base_url`` of the answer to ``api.intent()``.
            kwargs: More keys of the request, ``token`` or ``refresh_token`` for example, and
                the options of :class:`CallOptions`.

        Returns:
            ``user_id``, ``access_token``, ``device_id`` and more. Its repr has no token.

        Raises:
            ValueError: The arguments contradict each other.
            MForbidden: There is no such user, or the password is wrong.
            MUserDeactivated: The account was deactivated.
            MAppserviceLoginUnsupported: The homeserver creates no tokens for ghosts.
            MatrixError: The homeserver refused, or couldn't be reached. The request isn't repeated
                after a lost answer: there may be a new device.

        Spec: Client-Server API, ``POST /login``.
        """
        options = retry_options(kwargs)
        for name in call_options(kwargs):
            del kwargs[name]
        if update_hs_url:
            raise ValueError(
                "update_hs_url can't be: the URL of an intent never changes. Give base_url of "
                "the answer to api.intent(user_id, token, base_url)"
            )
        login_type = str(login_type)
        by_service = login_type == _BY_SERVICE
        if by_service and not self.api._asserts:
            raise ValueError(f"{login_type} needs an as_token, and {self.mxid} has a token of his")
        if by_service and password is not None:
            raise ValueError(f"{login_type} takes no password")
        if login_type == _BY_PASSWORD and not (isinstance(password, str) and password):
            raise ValueError(f"{login_type} needs a password, a str that isn't empty")
        if clash := sorted(_RESERVED & kwargs.keys()):
            raise ValueError(f"{clash[0]} has a parameter of its own, see login()")
        content = {
            "type": login_type,
            "identifier": self._identifier(identifier, login_type),
            "password": password,
            "device_id": device_id,
            "initial_device_display_name": device_name,
            **kwargs,
        }
        content = {key: value for key, value in content.items() if value is not None}
        # Without user_id: the body says who logs in. Only an application service sends its token.
        answer = self.api._send(
            "POST",
            LOGIN.path(()),
            LOGIN.template,
            json_body(content),
            user=self.api._shared.bot_mxid if by_service else None,
            anonymous=not by_service,
            secrets=_texts([password, kwargs]),
            **options,
        )
        login = answers.LoginResponse.read(answer)
        user = UserID.read(self._field(LOGIN, answer, "user_id", str))
        token = _usable(login.get("access_token"))
        # A value that can't be used may still be a token, so the error doesn't show it.
        self._field(LOGIN, {"access_token": token}, "access_token", str)
        if store_access_token:
            access = Access(self.api.base_url, token)
            self.api._shared.confirmed.add((user, access.base_url, access.key))
        return login

    def _identifier(
        self, identifier: str | Mapping[str, Any] | None, login_type: str
    ) -> dict[str, Any] | None:
        if identifier is None:
            if login_type not in (_BY_PASSWORD, _BY_SERVICE):
                return None
            identifier = self.mxid
        if isinstance(identifier, Mapping):
            if not isinstance(identifier.get("type"), str):
                raise ValueError("an identifier needs a 'type', like m.id.user")
            return dict(identifier)
        if not isinstance(identifier, str) or not identifier:
            raise ValueError(f"identifier must be a user ID or a dict, not {identifier!r}")
        user = UserID(identifier) if identifier[0] == "@" else identifier
        return {"type": "m.id.user", "user": str(user)}

    @LOGOUT
    def logout(self, clear_access_token: bool = True, **options: Unpack[CallOptions]) -> None:
        """Invalidate the access token of a real user, and delete its device.

        Args:
            clear_access_token: Whether to forget whose token it was. This object keeps the token
                either way: its further requests raise :class:`MUnknownToken`.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: The user acts with an as_token, which can't be logged out.
            MUnknownToken: The token was invalid before this call.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /logout``.
        """
        self._log_out(LOGOUT, clear_access_token, options)

    @LOGOUT_ALL
    def logout_all(self, clear_access_token: bool = True, **options: Unpack[CallOptions]) -> None:
        """Invalidate all access tokens of a real user, and delete all devices; see
        :meth:`logout`.

        Spec: Client-Server API, ``POST /logout/all``.
        """
        self._log_out(LOGOUT_ALL, clear_access_token, options)

    def _log_out(self, endpoint: Endpoint, forget: bool, options: CallOptions) -> None:
        api = self.api
        if api._asserts:
            raise ValueError(
                f"{api.acting_user} speaks with an as_token, which is never logged out; "
                "delete_devices() ends the logins of a ghost"
            )
        self._call(endpoint, (), {}, options)
        if forget:
            api._shared.confirmed.discard((api.identity, api._access.base_url, api._access.key))

    @DEACTIVATE
    def deactivate_account(
        self,
        erase: bool = False,
        auth: Mapping[str, Any] | None = None,
        id_server: str | None = None,
        **options: Unpack[CallOptions],
    ) -> str:
        """Deactivate the account of the acting user. It can't be undone: the user leaves all
        rooms, and the user ID can never be registered again.

        Synapse requires no ``auth`` from an application service, and still lets it act as the
        ghost afterwards.

        Args:
            erase: Whether the user's messages are shown as redacted to users who join later.
            auth: How the user authenticates, for example ``{"type": "m.login.password",
                "identifier": {...}, "password": ..., "session": error.session}``.
            id_server: The identity server from which to remove the user's e-mail addresses and
                phone numbers; the homeserver's choice if None.
            options: See :class:`CallOptions`.

        Returns:
            ``success``, or ``no-support`` if an identity server still knows the user.

        Raises:
            MatrixInteractiveAuthError: The homeserver requires ``auth``; the error has ``session``
                and ``flows``.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /account/deactivate``.
        """
        if not self.api.is_real_user:
            # A ghost isn't registered only to be deactivated.
            options["ensure_joined"] = False
        content: dict[str, Any] = {"erase": bool(erase)}
        if auth is not None:
            content["auth"] = dict(auth)
        if id_server is not None:
            content["id_server"] = id_server
        hidden = {key: value for key, value in (auth or {}).items()
                  if key not in ("identifier", "session", "type")}  # fmt: skip
        answer = self._call(DEACTIVATE, (), content, options, secrets=_texts(hidden))
        return self._field(DEACTIVATE, answer, "id_server_unbind_result", str)


def _usable(token: Any) -> str | None:
    try:
        return check_token(token)
    except ValueError:
        return None


def _texts(content: Any) -> tuple[str, ...]:
    """All strings in a content, at any depth."""
    if isinstance(content, str):
        return (content,)
    if isinstance(content, Mapping):
        content = list(content.values())
    if isinstance(content, (list, tuple)):
        return tuple(text for one in content for text in _texts(one))
    return ()
