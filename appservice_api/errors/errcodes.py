"""Errors of the homeserver: a class for each errcode."""

from __future__ import annotations

from .base import MatrixRequestError

__all__ = [
    "MAppserviceLoginUnsupported", "MBadAlias", "MBadJSON", "MBadState", "MBadStatus",
    "MCannotLeaveServerNoticeRoom", "MCannotOverwriteMedia", "MCaptchaInvalid",
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
    "MWeakPassword", "MWrongRoomKeysVersion",
]  # fmt: skip


def class_of(errcode: str | None) -> type[MatrixRequestError] | None:
    """The class of an errcode, None if there is none."""
    return MatrixRequestError._classes.get(errcode or "")


class MForbidden(MatrixRequestError, codes=("M_FORBIDDEN",)):
    """Not allowed; also if the user isn't in the room, or is a ghost that isn't registered."""


class MUnknownToken(MatrixRequestError, codes=("M_UNKNOWN_TOKEN",)):
    """The access token is unknown, or has expired."""


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
    """The resource doesn't exist."""

    @classmethod
    def instead_of(cls, error: MatrixRequestError) -> MatrixRequestError:
        """The error itself; for a 404 without an errcode, an error of this class.

        Args:
            error: The error of the homeserver, or of a web server in front of it.
        """
        if error.http_status != 404 or error.errcode is not None:
            return error
        made = MatrixRequestError.of("M_NOT_FOUND", message=error.message, http_status=404)
        made.__dict__.update(error.__dict__, errcode="M_NOT_FOUND", reason=made.reason)
        return made


class MUnrecognized(MatrixRequestError, codes=("M_UNRECOGNIZED",)):
    """The homeserver doesn't know this endpoint or method."""


class MUnknown(MatrixRequestError, codes=("M_UNKNOWN",)):
    """No other errcode applies; the HTTP status tells more."""


class MBadJSON(MatrixRequestError, codes=("M_BAD_JSON",)):
    """The body is JSON, but not what the endpoint expects."""


class MNotJSON(MatrixRequestError, codes=("M_NOT_JSON",)):
    """The body wasn't JSON."""


class MMissingParam(MatrixRequestError, codes=("M_MISSING_PARAM",)):
    """A required parameter is missing."""


class MInvalidParam(MatrixRequestError, codes=("M_INVALID_PARAM",)):
    """A parameter has a wrong value."""


class MTooLarge(MatrixRequestError, codes=("M_TOO_LARGE",)):
    """The request, event or file is too large."""


class MExclusive(MatrixRequestError, codes=("M_EXCLUSIVE",)):
    """The name is in another application service's exclusive namespace, or not in this one's."""


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
    """The homeserver doesn't give access tokens to users of application services."""


class MUnknownDevice(
    MatrixRequestError, codes=("M_UNKNOWN_DEVICE", "ORG.MATRIX.MSC4326.M_UNKNOWN_DEVICE")
):
    """The ``device_id`` isn't a device of the acting user."""


class MRoomInUse(MatrixRequestError, codes=("M_ROOM_IN_USE",)):
    """The room alias is taken."""


class MInvalidRoomState(MatrixRequestError, codes=("M_INVALID_ROOM_STATE",)):
    """The initial state of the room isn't valid."""


class MUnsupportedRoomVersion(MatrixRequestError, codes=("M_UNSUPPORTED_ROOM_VERSION",)):
    """The homeserver doesn't support the room version."""


class MIncompatibleRoomVersion(MatrixRequestError, codes=("M_INCOMPATIBLE_ROOM_VERSION",)):
    """The joining homeserver doesn't support the room version."""


class MBadState(MatrixRequestError, codes=("M_BAD_STATE",)):
    """The change isn't possible in the present state, for example an invite of a banned user."""


class MBadAlias(MatrixRequestError, codes=("M_BAD_ALIAS",)):
    """An alias doesn't point to the room."""


class MInviteBlocked(MatrixRequestError, codes=("M_INVITE_BLOCKED",)):
    """The user blocks this invite."""


class MDuplicateAnnotation(MatrixRequestError, codes=("M_DUPLICATE_ANNOTATION",)):
    """The user has already sent the same reaction."""


class MCannotOverwriteMedia(MatrixRequestError, codes=("M_CANNOT_OVERWRITE_MEDIA",)):
    """The media has been uploaded already."""


class MNotYetUploaded(MatrixRequestError, codes=("M_NOT_YET_UPLOADED",)):
    """The media hasn't been uploaded yet."""


class MUrlNotSet(MatrixRequestError, codes=("M_URL_NOT_SET",)):
    """The registration has no URL to ping."""


class MBadStatus(MatrixRequestError, codes=("M_BAD_STATUS",)):
    """The application service responded to the ping with an error."""


class MConnectionFailed(MatrixRequestError, codes=("M_CONNECTION_FAILED",)):
    """The homeserver couldn't reach the application service."""


class MConnectionTimeout(MatrixRequestError, codes=("M_CONNECTION_TIMEOUT",)):
    """The application service didn't respond to the homeserver in time."""


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
