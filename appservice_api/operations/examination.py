"""Examination of an application service: a verdict for each thing that can be wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..application import AppService
from ..appservice import AppServiceAPI
from ..errors import (
    MatrixError,
    MBadStatus,
    MConnectionFailed,
    MConnectionTimeout,
    MExclusive,
    MForbidden,
    MUnknownDevice,
    MUnknownToken,
    MUnrecognized,
    MUrlNotSet,
    RegistrationError,
)
from ..ids import UserID, server_of
from ..registration import Registration
from ..registration.namespaces import example_user
from .outcome import REFUSED, TEMPORARY, USAGE, advice, exit_code

__all__ = ["examine", "examine_app"]

T = TypeVar("T")

# Seconds to connect and to wait; Synapse waits less for the application service.
_PING_TIMEOUT = (5.0, 90.0)
# What is examined after the versions.
_REST = ["whoami", "account", "namespaces", "ping"]


def examine(
    make: Callable[[], AppServiceAPI], source: str | None, report: Callable[[str, str], None]
) -> int:
    """Examine whether an application service works. Nothing is changed, except that a bot without
    an account is registered.

    Args:
        make: Makes its API, which is closed at the end. The API should not retry: the verdicts
            are about the present.
        source: Where the registration comes from, None if there is none.
        report: Prints a verdict, ``ok``, ``FAILED`` or ``skipped``, and its text; with an empty
            verdict, the text adds to the verdict before.

    Returns:
        The exit code.
    """
    verdicts = _Verdicts(report)
    api = _registration(make, source, verdicts)
    if api is None:
        rest = ["versions", *_REST]
    else:
        with api:
            rest = _ask_all(api, verdicts)
    for what in rest:
        verdicts.add("skipped", what, "see above")
    return verdicts.code


def examine_app(app: AppService, report: Callable[[str, str], None]) -> int:
    """Examine an :class:`AppService`, with a session of its own; as :func:`examine`."""
    registration, base_url = app.registration, app.api.base_url
    return examine(
        lambda: AppServiceAPI.from_registration(
            registration,
            base_url,
            bot_mxid=app.api.bot_mxid,
            device_id=app.api.device_id,
            default_retry_count=0,
        ),
        "the application's own",
        report,
    )


class _Verdicts:
    """Reports verdicts as they are found, and keeps the exit code that follows from them."""

    def __init__(self, report: Callable[[str, str], None]) -> None:
        self.code = 0
        self._report = report

    def add(self, verdict: str, what: str, text: str) -> None:
        """Report a verdict: ``ok``, ``FAILED`` or ``skipped``."""
        self._report(verdict, f"{what}: {text}")

    def failed(self, what: str, text: str, todo: str, code: int = REFUSED) -> None:
        """Report a failure, and what to do about it."""
        self.add("FAILED", what, text)
        if todo:
            self.note("to do", todo)
        self.code = self.code or code

    def failed_by(self, what: str, error: MatrixError, text: str = "") -> None:
        """Report an error of a request."""
        self.failed(what, text or str(error), _todo(error), exit_code(error))

    def note(self, what: str, text: str) -> None:
        """Add to the verdict before."""
        self._report("", f"{what}: {text}")

    def ask(self, what: str, call: Callable[[], T]) -> T | None:
        """Ask the homeserver; None, and a failure reported, if it refuses."""
        try:
            return call()
        except MatrixError as error:
            self.failed_by(what, error)
            return None


def _todo(error: MatrixError) -> str:
    if isinstance(error, MBadStatus) and error.body.get("status") in (401, 403):
        return "start the application service with the hs_token of the registration"
    if isinstance(error, MBadStatus):
        return "look for the reason in the log of the application service"
    if isinstance(error, (MConnectionFailed, MConnectionTimeout)):
        return (
            "start the application service, and see that its url can be reached from the "
            "homeserver's machine"
        )
    if isinstance(error, MUrlNotSet):
        return "the homeserver has an older registration: restart it"
    return advice(error)


def _registration(
    make: Callable[[], AppServiceAPI], source: str | None, verdicts: _Verdicts
) -> AppServiceAPI | None:
    try:
        api = make()
    except RegistrationError as error:
        verdicts.failed("registration", str(error), "", USAGE)
        return None
    registration = api.registration
    if registration is None:
        verdicts.add("skipped", "registration", "there is no file, only a token")
        return api
    verdicts.add("ok", "registration", f"{source}, id {registration.id!r}")
    for warning in registration.warnings():
        verdicts.note("warning", warning)
    _people(api, registration, verdicts)
    return api


def _people(api: AppServiceAPI, registration: Registration, verdicts: _Verdicts) -> None:
    """Note who counts as a ghost where namespaces aren't exclusive."""
    server = server_of(api.bot_mxid) if api.bot_mxid is not None else None
    spaces = registration.namespaces.users
    for number, space in enumerate(spaces):
        if not space.exclusive:
            verdicts.note(
                "people", f"a user in {space.regex}, which isn't exclusive, is a ghost only if "
                "this application service has registered it, as its state store tells; all others "
                "are people: what they write is handled, and nobody acts for them unasked",
            )  # fmt: skip
            continue
        ghost = example_user(space, server) if server is not None else None
        first = next((one for one in spaces[:number] if ghost and one.matches(ghost)), space)
        if not first.exclusive:
            verdicts.note(
                "warning", f"{space.regex} is exclusive, but {first.regex} stands before it and "
                "isn't, and the first that matches counts: put the exclusive one first",
            )  # fmt: skip


def _ask_all(api: AppServiceAPI, verdicts: _Verdicts) -> list[str]:
    """Ask for one thing after the other.

    Returns:
        What can't be examined because of a failure.
    """
    found = verdicts.ask("versions", lambda: _versions(api))
    if found is not None:
        versions = found.get("versions") or ["none"]
        verdicts.add("ok", "versions", f"{len(versions)} at {api.base_url}, up to {versions[-1]}")
    elif verdicts.code == TEMPORARY:
        return _REST
    bot = _whoami(api, verdicts)
    if bot is None:
        return _REST[1:]
    _account(api, bot, verdicts)
    if api.device_id is not None:
        _device(api, verdicts)
    _namespaces(api, bot, verdicts)
    _ping(api, verdicts)
    return []


def _versions(api: AppServiceAPI) -> dict[str, Any]:
    """The homeserver's versions, asked for without a token: Synapse refuses a wrong one."""
    shared = api._shared
    with AppServiceAPI(api.base_url, default_retry_count=0) as anonymous:
        return anonymous.intent().versions(
            timeout=shared.timeout, deadline=max(shared.calls.left(), 0)
        )


def _whoami(api: AppServiceAPI, verdicts: _Verdicts) -> UserID | None:
    expected = api.bot_mxid
    answer = verdicts.ask("whoami", lambda: api.bot_intent()._ask_whoami({}, as_device=False))
    if answer is None:
        return None
    bot = UserID(answer["user_id"])
    if expected not in (None, bot):
        verdicts.failed(
            "whoami", f"the homeserver takes the as_token for {bot}, not for {expected}",
            "compare sender_localpart, the server name and --bot with what the homeserver has",
        )  # fmt: skip
    else:
        verdicts.add("ok", "whoami", f"the as_token is that of {bot}")
    return bot


def _account(api: AppServiceAPI, bot: UserID, verdicts: _Verdicts) -> None:
    """Whether the bot has an account: without one it can act, but has no profile. Only a
    registration shows it."""
    if api.bot_mxid != bot:
        verdicts.add("skipped", "account", "see above")
        return
    try:
        new = api.bot_intent().register()
    except MUnknownToken:
        verdicts.add("skipped", "account", "the token isn't an application service's")
    except MExclusive as error:
        verdicts.add("skipped", "account", f"{bot} acts without one: {error}")
    except MatrixError as error:
        verdicts.failed_by("account", error)
    else:
        found = "had none, and was registered" if new else "has one"
        verdicts.add("ok", "account", f"{bot} {found}")


def _device(api: AppServiceAPI, verdicts: _Verdicts) -> None:
    """Whether the bot's device exists."""
    try:
        api.intent(ensure_joined=False).whoami()
    except MUnknownDevice:
        text = f"{api.device_id} isn't there yet: an intent makes it with its first request"
        verdicts.add("ok", "device", text)
    except MatrixError as error:
        verdicts.failed_by("device", error)
    else:
        verdicts.add("ok", "device", f"{api.device_id} of {api.bot_mxid} is there")


def _namespaces(api: AppServiceAPI, bot: UserID, verdicts: _Verdicts) -> None:
    """Whether the application service may act as its ghosts. The ghost needn't be registered:
    Synapse checks the namespaces first."""
    registration = api.registration
    spaces = registration.namespaces.users if registration is not None else []
    if not spaces:
        verdicts.add("skipped", "namespaces", "there is no registration file that names users")
    for space in spaces:
        ghost = example_user(space, server_of(bot))
        if ghost is None:
            text = f"{space.regex} names no user that could be tried"
            verdicts.add("skipped", "namespaces", text)
            continue
        try:
            api.intent(ghost, ensure_joined=False).whoami()
        except MForbidden as error:
            if "masquerade" in error.message:
                verdicts.failed(
                    "namespaces", str(error),
                    "the homeserver has other namespaces: give it this registration, and "
                    "restart it",
                )  # fmt: skip
                continue
        except MUnknownDevice:
            pass  # a device is made where it is missing
        except MatrixError as error:
            verdicts.failed_by("namespaces", error)
            continue
        verdicts.add("ok", "namespaces", f"{space.regex}, tried with {ghost}")


def _ping(api: AppServiceAPI, verdicts: _Verdicts) -> None:
    registration = api.registration
    if registration is None or registration.url is None:
        why = "there is no registration file" if registration is None else "the url is null"
        verdicts.add("skipped", "ping", why)
        return
    try:
        duration = api.bot_intent().appservice_ping(registration.id, timeout=_PING_TIMEOUT)
    except MUnrecognized:
        verdicts.add("skipped", "ping", "the homeserver is too old for it")
    except MatrixError as error:
        verdicts.failed_by("ping", error, _ping_text(error))
    else:
        verdicts.add("ok", "ping", f"{registration.url} answered within {duration} ms")


def _ping_text(error: MatrixError) -> str:
    """The homeserver's error, with the application service's response to the ping."""
    body = error.body.get("body") if isinstance(error, MBadStatus) else None
    return f"{error}: {body}" if body else str(error)
