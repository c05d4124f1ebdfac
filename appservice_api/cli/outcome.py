"""How a command ends: its exit code, and one sentence on what was wrong."""

from __future__ import annotations

import errno
import math
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

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
from ..testing import SynapseError

__all__ = [
    "DONE", "REFUSED", "TEMPORARY", "USAGE", "advice", "ending", "exit_code", "one_line",
    "sentence",
]  # fmt: skip

DONE = 0
REFUSED = 1
USAGE = 2
#: EX_TEMPFAIL of sysexits.h, which cron jobs and mail systems know: try again later.
TEMPORARY = 75
_INTERRUPTED = 130
_TRACE = 2

_UNKNOWN_TOKEN = (
    "is the registration that the homeserver has the same? List its file in "
    "app_service_config_files of homeserver.yaml, and restart Synapse"
)


def one_line(text: object) -> str:
    """A text of anybody's in one line, without what could steer a terminal."""
    line = " ".join(str(text).split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)


def advice(error: BaseException) -> str:
    """What to do about an error, empty if its own text tells."""
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
    """The exit code of an error: whether it is the user's, the homeserver's or the network's."""
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
    """What was wrong, and what to do about it."""
    if isinstance(error, UnicodeDecodeError):
        return "the input isn't UTF-8"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename!r}: {error.strerror}"
    if _is_full(error):
        return "the output can't be written (No space left on device); the work was done before"
    refused = (
        isinstance(error, MatrixRequestError) and not error.temporary and error.errcode is not None
    )
    said = f"the homeserver refused: {error}" if refused else str(error)
    return f"{said} - {more}" if (more := advice(error)) else said


def _is_full(error: BaseException) -> bool:
    """Whether what the output goes to is full."""
    return isinstance(error, OSError) and error.errno == errno.ENOSPC and not error.filename


def _drop_output() -> None:
    """Let what is still buffered go nowhere: it must not fail again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def ending(run: Callable[[], Any], verbosity: Callable[[], int]) -> int:
    """Run a command and tell how it ended, on stderr if it failed.

    Args:
        run: The command; what it returns is the exit code, if it is an int.
        verbosity: How often ``-v`` was given; at two, tracebacks are shown.
    """
    try:
        result = run()
        sys.stdout.flush()
        return result if isinstance(result, int) else DONE
    except BrokenPipeError:
        # The reader has seen enough.
        _drop_output()
        return DONE
    except (
        MatrixError, SynapseError, requests.RequestException, ValueError, OSError,
        KeyboardInterrupt,
    ) as error:  # fmt: skip
        if _is_full(error):
            _drop_output()
        if verbosity() >= _TRACE:
            traceback.print_exc()
        if not isinstance(error, KeyboardInterrupt):
            print(f"appservice-api: {one_line(sentence(error))}", file=sys.stderr, flush=True)
        return exit_code(error)
