"""How a command ends: its exit code, and one sentence that says what was wrong."""

from __future__ import annotations

import math

import requests

from ..errors import (
    MatrixConnectionError,
    MatrixError,
    MatrixRequestError,
    MatrixResponseError,
    MBadState,
    MExclusive,
    MissingExtraError,
    MMissingToken,
    MUnknownToken,
    RegistrationError,
    StateStoreError,
)

__all__ = [
    "DONE", "REFUSED", "TEMPORARY", "USAGE", "advice", "exit_code", "one_line", "sentence",
]  # fmt: skip

DONE = 0
REFUSED = 1
USAGE = 2
#: EX_TEMPFAIL of sysexits.h, which cron jobs and mail systems know: try again later.
TEMPORARY = 75
_INTERRUPTED = 130

_UNKNOWN_TOKEN = (
    "is the registration that the homeserver has the same? List its file in "
    "app_service_config_files of homeserver.yaml, and restart Synapse"
)


def one_line(text: object) -> str:
    """Untrusted text in one line, without characters that control a terminal."""
    line = " ".join(str(text).split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def advice(error: BaseException) -> str:
    """What to do about an error; empty if its own text says that."""
    if isinstance(error, (MUnknownToken, MMissingToken)):
        return _UNKNOWN_TOKEN
    if isinstance(error, MExclusive):
        return "compare the user with the namespaces of the registration"
    if isinstance(error, MatrixConnectionError):
        return "check the homeserver's URL, or try again later"
    if isinstance(error, MatrixResponseError):
        return "see whether the URL is the homeserver's, or try again later"
    if isinstance(error, MatrixRequestError) and error.errcode is None and not error.temporary:
        return "see whether the URL is the homeserver's"
    if isinstance(error, MBadState):
        return "ask a moderator of the room to lift the ban"
    if isinstance(error, MatrixError) and error.temporary:
        seconds = getattr(error, "retry_after", None)
        return f"try again in {math.ceil(seconds)} seconds" if seconds else "try again later"
    return ""


def exit_code(error: BaseException) -> int:
    """The exit code for an error: wrong usage, refused by the homeserver, or temporary."""
    if isinstance(error, KeyboardInterrupt):
        return _INTERRUPTED
    if isinstance(error, (MissingExtraError, RegistrationError)):
        return USAGE
    if isinstance(error, StateStoreError) and not error.temporary:
        return USAGE
    if isinstance(error, MatrixError):
        return TEMPORARY if error.temporary else REFUSED
    if isinstance(error, requests.RequestException):
        return TEMPORARY
    return USAGE if isinstance(error, (ValueError, OSError)) else REFUSED


def sentence(error: BaseException) -> str:
    """What was wrong, and what to do about it, in one line."""
    if isinstance(error, UnicodeDecodeError):
        return "the input isn't UTF-8"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return one_line(f"{error.filename!r}: {error.strerror}")
    refused = (
        isinstance(error, MatrixRequestError) and not error.temporary and error.errcode is not None
    )
    said = f"the homeserver refused: {error}" if refused else str(error)
    return one_line(f"{said} - {more}" if (more := advice(error)) else said)
