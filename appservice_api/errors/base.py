"""The errors that aren't of one errcode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import requests

import appservice_api

__all__ = [
    "BusyError", "MatrixConnectionError", "MatrixError", "MatrixInteractiveAuthError",
    "MatrixRequestError", "MatrixResponseError", "MatrixTimeoutError", "MissingExtraError",
    "PowerLevelError", "RegistrationError", "StateStoreError",
]  # fmt: skip

_EXCERPT = 200
_GATEWAY = frozenset({502, 503, 504})


def excerpt(text: str) -> str:
    """The beginning of a text in one line, for an error."""
    line = " ".join(text[: _EXCERPT + 1].split())
    return line if len(text) <= _EXCERPT else line[:_EXCERPT] + "…"


class MatrixError(Exception):
    """The root of all errors of this package."""

    #: Whether the same call may succeed later.
    temporary: bool = False


class _ExchangeError(MatrixError):
    """The base of errors of an exchange with the homeserver."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method: str = facts.get("method", "")
        self.path: str = facts.get("path", "")
        #: The path with its values, percent-decoded for people.
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
    """A text in one line, without characters that control a terminal or forge a log line."""
    line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\ufffd" for char in line)


def _rebuild(cls: type[MatrixError], state: dict[str, Any]) -> MatrixError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["reason"])
    error.__dict__.update(state)
    return error


class MatrixConnectionError(_ExchangeError, requests.exceptions.ConnectionError):
    """The homeserver couldn't be reached, or the connection broke before the response was read.

    ``sent`` is False if the request can't have reached the homeserver.
    """

    temporary = True

    def __init__(self, reason: str, *, sent: bool = True, **facts: Any) -> None:
        super().__init__(reason, **facts)
        self.sent = sent
        # The error of requests would hold the request, and with it the token.
        self.request = None
        self.response = None


class MatrixTimeoutError(MatrixConnectionError, requests.exceptions.Timeout):
    """The homeserver didn't accept the connection, or didn't respond, in time."""


class MatrixResponseError(_ExchangeError):
    """A response that doesn't conform to the specification: HTML with 200, truncated JSON, a
    missing key.

    ``http_status`` is its status, ``text`` the beginning of its body. ``temporary`` is True if it
    isn't a response of a homeserver, but of a proxy for example.
    """

    def __init__(
        self, reason: str, *, http_status: int = 200, text: str = "", temporary: bool = False,
        **facts: Any,
    ) -> None:  # fmt: skip
        super().__init__(reason, **facts)
        self.http_status = http_status
        self.text = text
        self.temporary = temporary


class MatrixRequestError(_ExchangeError):
    """The homeserver refused a request: a status that isn't 2xx, with or without an errcode.

    Attributes:
        http_status: The HTTP status.
        errcode: The errcode, None if the response has none (a proxy's page, for example).
        message: The homeserver's message.
        body: The whole JSON object of the response, ``{}`` if it has none.
        text: The beginning of a response that isn't a JSON object.
        method, path: The HTTP method and the template of the path.
        target: The path with its values.
        user: The acting user, None for the application service itself.
        attempts: How often the request was sent.
        retry_after: The seconds that the homeserver asks to wait, None if it doesn't.
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
        """True for a rate limit, and for a response of a gateway instead of the homeserver."""
        return self.http_status == 429 or (self.errcode is None and self.http_status in _GATEWAY)

    @classmethod
    def of(cls, errcode: str | None, **facts: Any) -> MatrixRequestError:
        """Make an error of the class of an errcode.

        Args:
            errcode: The errcode; for an unknown one, it is this class.
            facts: The arguments of the constructor.
        """
        kind = appservice_api.errors.errcodes.class_of(errcode) or cls
        return kind(errcode=errcode, **facts)


class MatrixInteractiveAuthError(MatrixRequestError):
    """The request needs User-Interactive Authentication, or that failed.

    Send the same request again with ``auth``: a dict of ``type`` (a stage), ``session``, and the
    parameters of the stage.

    Spec: Client-Server API, "User-Interactive Authentication API".
    """

    @property
    def flows(self) -> list[list[str]]:
        """The flows: each is a list of stages, all of which must be completed."""
        stages = [
            flow.get("stages") for flow in self.body.get("flows", ()) if isinstance(flow, dict)
        ]
        return [[one for one in each if isinstance(one, str)] for each in stages
                if isinstance(each, list)]  # fmt: skip

    @property
    def session(self) -> str | None:
        """The ``session`` for ``auth``; None if the homeserver gave none."""
        session = self.body.get("session")
        return session if isinstance(session, str) else None

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of stages, by stage."""
        params = self.body.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def completed(self) -> list[str]:
        """The stages that are completed."""
        completed = self.body.get("completed")
        listed = completed if isinstance(completed, list) else ()
        return [one for one in listed if isinstance(one, str)]


class MissingExtraError(MatrixError, ImportError):
    """An optional package is missing; the message names the extra that has it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra!r}: pip install 'appservice_api[{extra}]'")


class RegistrationError(MatrixError, ValueError):
    """A registration can't be read, or isn't valid; ``problems`` lists what isn't valid."""

    def __init__(self, message: str, problems: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.problems = list(problems)


class PowerLevelError(MatrixError):
    """A user's power level is too low, and no user of the application service can raise it. The
    request that would have been refused wasn't sent.

    Attributes:
        room_id: The room.
        user_id: The user.
        level: The user's power level.
        needed: The needed level.
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
    """The state store can't be read or written. ``temporary`` is False if a later attempt fails,
    too."""

    temporary = True


class BusyError(MatrixError):
    """Another thread or process is doing the same, and the wait for it took too long."""

    temporary = True
