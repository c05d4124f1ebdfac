"""Logging in and out, and the end of an account."""

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
# Whose token it is must be known first: these end what it stands for.
LOGOUT = Endpoint("POST", _V3 + "/logout", Needs.REGISTERED, already=("M_UNKNOWN_TOKEN",))
LOGOUT_ALL = Endpoint("POST", _V3 + "/logout/all", Needs.REGISTERED, already=("M_UNKNOWN_TOKEN",))
DEACTIVATE = Endpoint("POST", _V3 + "/account/deactivate", Needs.REGISTERED)

_BY_PASSWORD = "m.login.password"
_BY_SERVICE = "m.login.application_service"
_RESERVED = frozenset({"identifier", "initial_device_display_name", "type"})


class LoginMethods(ClientMethods):
    """Access tokens of users, and where they end."""

    __slots__ = ()

    @FLOWS
    def get_login_flows(self, **options: Unpack[CallOptions]) -> answers.LoginFlowList:
        """The ways to log in.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``flows``; ``supports("m.login.password")`` looks into them.

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

        This object goes on to speak as before: who it speaks for and with which token never
        changes. With the answer, speak as a double puppet::

            login = bot.login("@alice:example.org", password=...)
            alice = api.intent(login.user_id, token=login.access_token)

        With ``m.login.application_service`` the user is one of the application service's; the
        as_token is what it takes, no password. A ghost must be registered first
        (:meth:`ensure_registered`), and needs no login for anything but a token of its own.

        Args:
            identifier: The user: a user ID, a localpart, or an identifier as JSON. None is the
                user who is acting, and nobody where the login type is neither
                ``m.login.password`` nor ``m.login.application_service``.
            login_type: The login type.
            device_name: The name of a new device.
            device_id: The device; a new one if None. Tokens that the device had end.
            password: The password.
            store_access_token: Whether to remember whose the token is, so that an intent that is
                made with it doesn't ask first.
            update_hs_url: Can't be: give ``base_url`` of the answer to ``api.intent()``.
            kwargs: More keys of the request, ``token`` or ``refresh_token`` for example, and
                the options of :class:`CallOptions`.

        Returns:
            ``user_id``, ``access_token``, ``device_id`` and more. Its repr has no token.

        Raises:
            ValueError: The arguments don't fit each other.
            MForbidden: The homeserver doesn't know the user, or not by this password.
            MUserDeactivated: The account was deactivated.
            MAppserviceLoginUnsupported: The homeserver makes no tokens for ghosts.
            MatrixError: The homeserver refused, or couldn't be reached. After a lost answer
                nothing is repeated: there may be a new device.

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
        # Without user_id: who logs in is what the body says. Only an application service shows
        # its token.
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
        # What can't be used as a token may still be one: it isn't shown.
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
        """Make the homeserver forget the access token of a real user, and delete its device.

        Args:
            clear_access_token: Whether to forget whose the token was. This object keeps it
                either way: what it sends from now on raises :class:`MUnknownToken`.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: The user speaks with an as_token, which isn't to be logged out.
            MUnknownToken: The token isn't known, and that isn't the work of a lost attempt.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /logout``.
        """
        self._log_out(LOGOUT, clear_access_token, options)

    @LOGOUT_ALL
    def logout_all(self, clear_access_token: bool = True, **options: Unpack[CallOptions]) -> None:
        """Make the homeserver forget all access tokens of a real user, and delete all devices;
        as :meth:`logout`.

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
        """End the account of the user who is acting. It can't be undone: the user leaves all
        rooms, and the user ID can never be registered again.

        Synapse asks an application service for no ``auth``, and still lets it act as the ghost
        afterwards.

        Args:
            erase: Whether those who join later get the user's messages redacted.
            auth: How the user authenticates, for example ``{"type": "m.login.password",
                "identifier": {...}, "password": ..., "session": error.session}``.
            id_server: The identity server that is to forget the user's e-mail addresses and
                phone numbers; the homeserver knows which if None.
            options: See :class:`CallOptions`.

        Returns:
            ``success``, or ``no-support`` if an identity server still knows the user.

        Raises:
            MatrixInteractiveAuthError: The homeserver wants ``auth``; the error has ``session``
                and ``flows``.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /account/deactivate``.
        """
        if not self.api.is_real_user:
            # A ghost that isn't there isn't made for its end.
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
    """All texts in what is sent, at any depth."""
    if isinstance(content, str):
        return (content,)
    if isinstance(content, Mapping):
        content = list(content.values())
    if isinstance(content, (list, tuple)):
        return tuple(text for one in content for text in _texts(one))
    return ()
