"""All errors of this package. Their root is :class:`MatrixError`.

An error of the homeserver is of the class of its errcode (``MForbidden``), or else a
:class:`MatrixRequestError`. A homeserver that can't be reached raises
:class:`MatrixConnectionError`, a response that isn't Matrix :class:`MatrixResponseError`. A wrong
argument raises ValueError before anything is sent.

The classes of errcodes are imported when the first is used, or at the first refusal.
"""
# ruff: noqa: F403, F405

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazily
from .base import *

# Pickles name it here.
from .base import _rebuild as _rebuild

if TYPE_CHECKING:
    from . import errcodes as errcodes
    from .errcodes import *
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "errcodes": """
                errcodes MAppserviceLoginUnsupported MBadAlias MBadJSON MBadState MBadStatus
                MCannotLeaveServerNoticeRoom MCannotOverwriteMedia MCaptchaInvalid MCaptchaNeeded
                MConnectionFailed MConnectionTimeout MConsentNotGiven MDuplicateAnnotation
                MExclusive MForbidden MGuestAccessForbidden MIncompatibleRoomVersion MInvalidParam
                MInvalidRoomState MInvalidSignature MInvalidUsername MInviteBlocked MKeyTooLarge
                MLimitExceeded MMissingParam MMissingToken MNotFound MNotJSON MNotYetUploaded
                MProfileTooLarge MResourceLimitExceeded MRoomInUse MServerNotTrusted
                MThreepidAuthFailed MThreepidDenied MThreepidInUse MThreepidMediumNotSupported
                MThreepidNotFound MTooLarge MUnableToAuthoriseJoin MUnableToGrantJoin
                MUnauthorized MUnknown MUnknownDevice MUnknownToken MUnrecognized
                MUnsupportedRoomVersion MUrlNotSet MUserDeactivated MUserInUse MUserLimitExceeded
                MUserLocked MUserSuspended MWeakPassword MWrongRoomKeysVersion
            """
        },
    )

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
