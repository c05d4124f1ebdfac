"""What the homeserver's administrators may do with accounts."""

from __future__ import annotations

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from .base import ClientMethods

__all__ = ["AdminMethods"]

_SUSPEND = "/_matrix/client/v1/admin/suspend/{userId}"
_LOCK = "/_matrix/client/v1/admin/lock/{userId}"
WHOIS = Endpoint("GET", "/_matrix/client/v3/admin/whois/{userId}", Needs.REGISTERED)
GET_SUSPENDED = Endpoint("GET", _SUSPEND, Needs.REGISTERED)
SET_SUSPENDED = Endpoint("PUT", _SUSPEND, Needs.REGISTERED)
GET_LOCKED = Endpoint("GET", _LOCK, Needs.REGISTERED)
SET_LOCKED = Endpoint("PUT", _LOCK, Needs.REGISTERED)


class AdminMethods(ClientMethods):
    """Managing accounts, as a user who is an administrator of the homeserver."""

    __slots__ = ()

    @WHOIS
    def get_whois(self, user_id: str, **options: Unpack[CallOptions]) -> answers.WhoisResponse:
        """Get the sessions and IP addresses of a user. Users may ask for themselves.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MForbidden: The acting user is neither ``user_id`` nor an administrator.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /admin/whois/{userId}``.
        """
        return answers.WhoisResponse.read(self._call(WHOIS, (user_id,), options=options))

    @GET_SUSPENDED
    def get_user_suspended(self, user_id: str, **options: Unpack[CallOptions]) -> bool:
        """Check whether an account of this homeserver is suspended.

        Args:
            user_id: The user.
            options: See :class:`CallOptions`.

        Raises:
            MForbidden: The acting user isn't an administrator, or ``user_id`` is one.
            MNotFound: There is no such user.
            MUnrecognized: The homeserver doesn't support suspending.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /admin/suspend/{userId}``.
        """
        answer = self._call(GET_SUSPENDED, (user_id,), options=options)
        return self._field(GET_SUSPENDED, answer, "suspended", bool)

    @SET_SUSPENDED
    def set_user_suspended(
        self, user_id: str, suspended: bool = True, **options: Unpack[CallOptions]
    ) -> None:
        """Suspend an account of this homeserver, or end its suspension; see
        :meth:`get_user_suspended`. A suspended user may read, but send almost nothing.

        Args:
            user_id: The user.
            suspended: Whether to suspend the account.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``PUT /admin/suspend/{userId}``.
        """
        self._call(SET_SUSPENDED, (user_id,), {"suspended": _flag(suspended)}, options)

    @GET_LOCKED
    def get_user_locked(self, user_id: str, **options: Unpack[CallOptions]) -> bool:
        """Check whether an account of this homeserver is locked; see :meth:`get_user_suspended`.

        Spec: Client-Server API, ``GET /admin/lock/{userId}``.
        """
        answer = self._call(GET_LOCKED, (user_id,), options=options)
        return self._field(GET_LOCKED, answer, "locked", bool)

    @SET_LOCKED
    def set_user_locked(
        self, user_id: str, locked: bool = True, **options: Unpack[CallOptions]
    ) -> None:
        """Lock an account of this homeserver, or unlock it; see :meth:`get_user_suspended`. A
        locked user can't use the account at all.

        Args:
            user_id: The user.
            locked: Whether to lock the account.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``PUT /admin/lock/{userId}``.
        """
        self._call(SET_LOCKED, (user_id,), {"locked": _flag(locked)}, options)


def _flag(value: bool) -> bool:
    # "false" would count as true.
    if not isinstance(value, bool):
        raise ValueError(f"it must be True or False, not {value!r}")
    return value
