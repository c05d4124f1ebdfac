"""Everything that can go wrong, under one root: :class:`MatrixError`.

A homeserver that refuses raises the class of its errcode (``MForbidden``), one that can't be
reached raises :class:`MatrixConnectionError`, and an answer that isn't Matrix raises
:class:`MatrixResponseError`. Wrong arguments are :class:`ValueError`, before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import requests

__all__ = [
    "BusyError", "MAppserviceLoginUnsupported", "MBadAlias", "MBadJSON", "MBadState",
    "MBadStatus", "MCannotLeaveServerNoticeRoom", "MCannotOverwriteMedia", "MCaptchaInvalid",
    "MCaptchaNeeded", "MConnectionFailed", "MConnectionTimeout", "MConsentNotGiven",
    "MDuplicateAnnotation", "MExclusive", "MForbidden", "MGuestAccessForbidden",
    "MIncompatibleRoomVersion", "MInvalidParam", "MInvalidRoomState", "MInvalidSignature",
    "MInvalidUsername", "MInviteBlocked", "MKeyTooLarge", "MLimitExceeded", "MMissingParam",
    "MMissingToken", "MNotFound", "MNotJSON", "MNotYetUploaded", "MProfileTooLarge",
    "MResourceLimitExceeded", "MRoomInUse", "MServerNotTrusted", "MThreepidAuthFailed",
    "MThreepidDenied", "MThreepidInUse", "MThreepidMediumNotSupported", "MThreepidNotFound",
    "MTooLarge", "MUnableToAuthoriseJoin", "MUnableToGrantJoin", "MUnauthorized", "MUnknown",
    "MUnknownDevice", "MUnknownToken", "MUnrecognized", "MUnsupportedRoomVersion", "MUrlNotSet",
    "MUserDeactivated", "MUserInUse", "MUserLimitExceeded", "MUserLocked", "MUserSuspended",
    "MWeakPassword", "MWrongRoomKeysVersion", "MatrixConnectionError", "MatrixError",
    "MatrixInteractiveAuthError", "MatrixRequestError", "MatrixResponseError",
    "MatrixTimeoutError", "MissingExtraError", "PowerLevelError", "RegistrationError",
    "StateStoreError",
]  # fmt: skip

_EXCERPT = 200
_GATEWAY = frozenset({502, 503, 504})


def excerpt(text: str) -> str:
    """The beginning of a text in one line, as an error shows it."""
    line = " ".join(text[: _EXCERPT + 1].split())
    return line if len(text) <= _EXCERPT else line[:_EXCERPT] + "…"


class MatrixError(Exception):
    """The root of all errors of this package."""

    #: True where the same call may succeed later without any change.
    temporary: bool = False


class _Exchanged(MatrixError):
    """What all errors of an exchange with the homeserver know of it."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method: str = facts.get("method", "")
        self.path: str = facts.get("path", "")
        #: The path that was asked, its values filled in, as a person reads it.
        self.target: str = facts.get("target", self.path)
        self.user: str | None = facts.get("user")
        self.attempts: int = facts.get("attempts", 1)
        #: Whether an attempt before the last may have reached the homeserver.
        self.repeated: bool = facts.get("repeated", False)
        self.context: str = facts.get("context", "")

    def __str__(self) -> str:
        who = f" as {self.user}" if self.user else ""
        where = f"{self.method} {self.target}{who}: " if self.method else ""
        tries = f" (after {self.attempts} attempts)" if self.attempts > 1 else ""
        context = f" [{self.context}]" if self.context else ""
        return _printable(f"{where}{self.reason}{tries}{context}")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.__dict__.copy())


def _printable(text: str) -> str:
    """A text in one line, without what would steer a terminal or forge a line of a log."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\ufffd" for char in line)


def _rebuild(cls: type[MatrixError], state: dict[str, Any]) -> MatrixError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["reason"])
    error.__dict__.update(state)
    return error


class MatrixConnectionError(_Exchanged, requests.exceptions.ConnectionError):
    """The homeserver couldn't be reached, or the connection broke before its answer was read.

    ``sent`` tells whether the request may have reached the homeserver.
    """

    temporary = True

    def __init__(self, reason: str, *, sent: bool = True, **facts: Any) -> None:
        super().__init__(reason, **facts)
        self.sent = sent
        # requests' own error would carry the request, and with it the token.
        self.request = None
        self.response = None


class MatrixTimeoutError(MatrixConnectionError, requests.exceptions.Timeout):
    """The homeserver didn't take the connection, or didn't answer, in time."""


class MatrixResponseError(_Exchanged):
    """An answer that isn't what the specification says: HTML with 200, a truncated JSON, a
    missing key.

    ``http_status`` is its status, ``text`` the beginning of its body. ``temporary`` is True
    where no Matrix answer came at all, as from a proxy.
    """

    def __init__(
        self, reason: str, *, http_status: int = 200, text: str = "", temporary: bool = False,
        **facts: Any,
    ) -> None:  # fmt: skip
        super().__init__(reason, **facts)
        self.http_status = http_status
        self.text = text
        self.temporary = temporary


class MatrixRequestError(_Exchanged):
    """The homeserver refused: a status that isn't 2xx, with or without an errcode.

    Attributes:
        http_status: The HTTP status.
        errcode: The errcode, or None where the answer had none (a proxy's page, say).
        message: The homeserver's own words.
        body: The whole JSON object of the answer, ``{}`` if it had none.
        text: The beginning of an answer that isn't a JSON object.
        method, path: The HTTP method and the template of the path that was asked.
        target: The path itself.
        user: The user who was acting, None for the application service itself.
        attempts: How often the request was sent.
        retry_after: Seconds that the homeserver asks to wait, None where it doesn't.
    """

    _classes: ClassVar[dict[str, type[MatrixRequestError]]] = {}

    def __init_subclass__(cls, codes: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for code in codes:
            MatrixRequestError._classes[code] = cls

    def __init__(
        self,
        message: str,
        *,
        http_status: int,
        errcode: str | None = None,
        body: dict[str, Any] | None = None,
        text: str = "",
        retry_after: float | None = None,
        **facts: Any,
    ) -> None:
        code = f" {errcode}" if errcode else ""
        super().__init__(f"{http_status}{code}: {message}", **facts)
        self.http_status = http_status
        self.errcode = errcode
        self.message = message
        self.body = body if body is not None else {}
        self.text = text
        self.retry_after = retry_after

    @property
    def temporary(self) -> bool:  # type: ignore[override]
        """True for a rate limit and for a gateway that answered in the homeserver's place."""
        return self.http_status == 429 or (self.errcode is None and self.http_status in _GATEWAY)

    @classmethod
    def of(cls, errcode: str | None, **facts: Any) -> MatrixRequestError:
        """Make the error of the class that stands for an errcode.

        Args:
            errcode: The errcode of the answer; an unknown one gives this class.
            facts: The arguments of the constructor.
        """
        return cls._classes.get(errcode or "", cls)(errcode=errcode, **facts)


class MatrixInteractiveAuthError(MatrixRequestError):
    """The homeserver wants the user to authenticate for this one request, or didn't take how the
    user did: User-Interactive Authentication.

    Send the same again with ``auth``: a dict with ``type`` (a stage), ``session``, and what the
    stage takes.

    Spec: Client-Server API, "User-Interactive Authentication API".
    """

    @property
    def flows(self) -> list[list[str]]:
        """The ways to authenticate: each a list of stages, all of which must be passed."""
        stages = [
            flow.get("stages") for flow in self.body.get("flows", ()) if isinstance(flow, dict)
        ]
        return [[one for one in each if isinstance(one, str)] for each in stages
                if isinstance(each, list)]  # fmt: skip

    @property
    def session(self) -> str | None:
        """What ``auth`` must name as its ``session``; None if the homeserver gave none."""
        session = self.body.get("session")
        return session if isinstance(session, str) else None

    @property
    def params(self) -> dict[str, Any]:
        """What stages need to be known, by stage."""
        params = self.body.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def completed(self) -> list[str]:
        """The stages that were passed already."""
        completed = self.body.get("completed")
        listed = completed if isinstance(completed, list) else ()
        return [one for one in listed if isinstance(one, str)]


class MForbidden(MatrixRequestError, codes=("M_FORBIDDEN",)):
    """Not allowed; also: not in the room, or a ghost that isn't registered."""


class MUnknownToken(MatrixRequestError, codes=("M_UNKNOWN_TOKEN",)):
    """The access token isn't known (any more)."""


class MMissingToken(MatrixRequestError, codes=("M_MISSING_TOKEN",)):
    """The request needs an access token."""


class MUserLocked(MatrixRequestError, codes=("M_USER_LOCKED",)):
    """The account is locked."""


class MUserSuspended(MatrixRequestError, codes=("M_USER_SUSPENDED",)):
    """The account is suspended."""


class MLimitExceeded(MatrixRequestError, codes=("M_LIMIT_EXCEEDED",)):
    """Too many requests; ``retry_after`` says how many seconds to wait."""


class MResourceLimitExceeded(MatrixRequestError, codes=("M_RESOURCE_LIMIT_EXCEEDED",)):
    """The homeserver has reached a limit of its own."""


class MUserLimitExceeded(MatrixRequestError, codes=("M_USER_LIMIT_EXCEEDED",)):
    """The user has reached a limit of the homeserver."""


class MNotFound(MatrixRequestError, codes=("M_NOT_FOUND",)):
    """Nothing there."""

    @classmethod
    def instead_of(cls, error: MatrixRequestError) -> MatrixRequestError:
        """The error itself, or this one for a 404 that came without an errcode.

        Args:
            error: What the homeserver, or the web server in front of it, answered.
        """
        if error.http_status != 404 or error.errcode is not None:
            return error
        made = MatrixRequestError.of("M_NOT_FOUND", message=error.message, http_status=404)
        made.__dict__.update(error.__dict__, errcode="M_NOT_FOUND", reason=made.reason)
        return made


class MUnrecognized(MatrixRequestError, codes=("M_UNRECOGNIZED",)):
    """The homeserver doesn't know this endpoint or method."""


class MUnknown(MatrixRequestError, codes=("M_UNKNOWN",)):
    """No code fits; the HTTP status tells more."""


class MBadJSON(MatrixRequestError, codes=("M_BAD_JSON",)):
    """The JSON is valid but not what the endpoint takes."""


class MNotJSON(MatrixRequestError, codes=("M_NOT_JSON",)):
    """The body wasn't JSON."""


class MMissingParam(MatrixRequestError, codes=("M_MISSING_PARAM",)):
    """A required parameter is missing."""


class MInvalidParam(MatrixRequestError, codes=("M_INVALID_PARAM",)):
    """A parameter has a wrong value."""


class MTooLarge(MatrixRequestError, codes=("M_TOO_LARGE",)):
    """The request, event or file is too large."""


class MExclusive(MatrixRequestError, codes=("M_EXCLUSIVE",)):
    """The name belongs to an application service's exclusive namespace, or isn't in ours."""


class MUserInUse(MatrixRequestError, codes=("M_USER_IN_USE",)):
    """The user ID is taken."""


class MInvalidUsername(MatrixRequestError, codes=("M_INVALID_USERNAME",)):
    """The user ID isn't valid."""


class MAppserviceLoginUnsupported(
    MatrixRequestError,
    codes=(
        "M_APPSERVICE_LOGIN_UNSUPPORTED",
        "IO.ELEMENT.MSC4190.M_APPSERVICE_LOGIN_UNSUPPORTED",
    ),
):
    """This homeserver gives no access tokens to application services' users."""


class MUnknownDevice(
    MatrixRequestError, codes=("M_UNKNOWN_DEVICE", "ORG.MATRIX.MSC4326.M_UNKNOWN_DEVICE")
):
    """The ``device_id`` isn't a device of the user who is acting."""


class MRoomInUse(MatrixRequestError, codes=("M_ROOM_IN_USE",)):
    """The room alias is taken."""


class MInvalidRoomState(MatrixRequestError, codes=("M_INVALID_ROOM_STATE",)):
    """The initial state of the room isn't valid."""


class MUnsupportedRoomVersion(MatrixRequestError, codes=("M_UNSUPPORTED_ROOM_VERSION",)):
    """The homeserver doesn't support the room version."""


class MIncompatibleRoomVersion(MatrixRequestError, codes=("M_INCOMPATIBLE_ROOM_VERSION",)):
    """The room's version isn't supported by the homeserver that wants to join."""


class MBadState(MatrixRequestError, codes=("M_BAD_STATE",)):
    """The state change isn't possible now, as an invite for a banned user."""


class MBadAlias(MatrixRequestError, codes=("M_BAD_ALIAS",)):
    """An alias doesn't point to the room."""


class MInviteBlocked(MatrixRequestError, codes=("M_INVITE_BLOCKED",)):
    """The user doesn't take this invite."""


class MDuplicateAnnotation(MatrixRequestError, codes=("M_DUPLICATE_ANNOTATION",)):
    """The same reaction is there already."""


class MCannotOverwriteMedia(MatrixRequestError, codes=("M_CANNOT_OVERWRITE_MEDIA",)):
    """The media has been uploaded already."""


class MNotYetUploaded(MatrixRequestError, codes=("M_NOT_YET_UPLOADED",)):
    """The media isn't there yet."""


class MUrlNotSet(MatrixRequestError, codes=("M_URL_NOT_SET",)):
    """The registration has no URL that could be pinged."""


class MBadStatus(MatrixRequestError, codes=("M_BAD_STATUS",)):
    """The application service answered the ping with an error."""


class MConnectionFailed(MatrixRequestError, codes=("M_CONNECTION_FAILED",)):
    """The homeserver couldn't reach the application service."""


class MConnectionTimeout(MatrixRequestError, codes=("M_CONNECTION_TIMEOUT",)):
    """The application service didn't answer the homeserver in time."""


class MProfileTooLarge(MatrixRequestError, codes=("M_PROFILE_TOO_LARGE",)):
    """The profile is larger than 64 KiB."""


class MKeyTooLarge(MatrixRequestError, codes=("M_KEY_TOO_LARGE",)):
    """The name of a profile field is longer than 255 bytes."""


class MWrongRoomKeysVersion(MatrixRequestError, codes=("M_WRONG_ROOM_KEYS_VERSION",)):
    """The key backup has another version."""


class MInvalidSignature(MatrixRequestError, codes=("M_INVALID_SIGNATURE",)):
    """A signature isn't valid."""


class MUserDeactivated(MatrixRequestError, codes=("M_USER_DEACTIVATED",)):
    """The account was deactivated."""


class MCannotLeaveServerNoticeRoom(
    MatrixRequestError, codes=("M_CANNOT_LEAVE_SERVER_NOTICE_ROOM",)
):
    """The room of server notices can't be left."""


class MGuestAccessForbidden(MatrixRequestError, codes=("M_GUEST_ACCESS_FORBIDDEN",)):
    """Guests aren't allowed."""


class MUnauthorized(MatrixRequestError, codes=("M_UNAUTHORIZED",)):
    """Not authorized."""


class MServerNotTrusted(MatrixRequestError, codes=("M_SERVER_NOT_TRUSTED",)):
    """The homeserver doesn't trust a third server."""


class MWeakPassword(MatrixRequestError, codes=("M_WEAK_PASSWORD",)):
    """The password is too weak."""


class MCaptchaNeeded(MatrixRequestError, codes=("M_CAPTCHA_NEEDED",)):
    """A captcha must be solved."""


class MCaptchaInvalid(MatrixRequestError, codes=("M_CAPTCHA_INVALID",)):
    """The captcha wasn't solved."""


class MThreepidAuthFailed(MatrixRequestError, codes=("M_THREEPID_AUTH_FAILED",)):
    """The third-party identifier couldn't be verified."""


class MThreepidDenied(MatrixRequestError, codes=("M_THREEPID_DENIED",)):
    """The third-party identifier isn't allowed."""


class MThreepidInUse(MatrixRequestError, codes=("M_THREEPID_IN_USE",)):
    """The third-party identifier is taken."""


class MThreepidMediumNotSupported(MatrixRequestError, codes=("M_THREEPID_MEDIUM_NOT_SUPPORTED",)):
    """The homeserver doesn't support this kind of third-party identifier."""


class MThreepidNotFound(MatrixRequestError, codes=("M_THREEPID_NOT_FOUND",)):
    """The third-party identifier isn't known."""


class MConsentNotGiven(MatrixRequestError, codes=("M_CONSENT_NOT_GIVEN",)):
    """The user must agree to the homeserver's terms first."""


class MUnableToAuthoriseJoin(MatrixRequestError, codes=("M_UNABLE_TO_AUTHORISE_JOIN",)):
    """The resident homeserver can't tell whether the user may join."""


class MUnableToGrantJoin(MatrixRequestError, codes=("M_UNABLE_TO_GRANT_JOIN",)):
    """The resident homeserver can't let the user in."""


class MissingExtraError(MatrixError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'appservice_api[{extra}]'")


class RegistrationError(MatrixError, ValueError):
    """A registration that can't be read, or isn't valid; ``problems`` lists what isn't valid."""

    def __init__(self, message: str, problems: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.problems = list(problems)


class PowerLevelError(MatrixError):
    """A user's power level isn't enough, and nobody here can raise it. Nothing was sent that
    would have been refused.

    Attributes:
        room_id: The room.
        user_id: The user.
        level: The user's power level.
        needed: The level that is needed.
    """

    def __init__(
        self, message: str, *, room_id: str, user_id: str, level: int, needed: int
    ) -> None:
        super().__init__(message)
        self.room_id = room_id
        self.user_id = user_id
        self.level = level
        self.needed = needed

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), {"reason": str(self), **self.__dict__})


class StateStoreError(MatrixError):
    """The state store can't be read or written. ``temporary`` is False where that doesn't change
    by itself."""

    temporary = True


class BusyError(MatrixError):
    """Somebody else is at it, in another thread or process, and for too long to wait."""

    temporary = True
