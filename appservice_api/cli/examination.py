"""An application service, examined: a verdict for each thing that can be wrong.

Without click: frameworks that have a command line of their own tell the same verdicts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

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
from .outcome import REFUSED, TEMPORARY, USAGE, advice, exit_code
from .specimen import specimen

if TYPE_CHECKING:
    from ..application import AppService
    from ..registration import Registration

__all__ = ["examine", "examine_app"]

T = TypeVar("T")

# Longer than Synapse itself waits for the application service.
_PING_TIMEOUT = (5.0, 90.0)
# What is told after the versions.
_REST = ["whoami", "account", "namespaces", "ping"]


def examine(
    make: Callable[[], AppServiceAPI], source: str | None, tell: Callable[[str, str], None]
) -> int:
    """Tell whether an application service works. Nothing is changed, but a bot that has no
    account gets one.

    Args:
        make: Makes its API, which is closed at the end. It should repeat nothing: what is wanted
            is how things are now, not how they are after four more attempts.
        source: Where the registration comes from, None if there is none.
        tell: Takes each verdict, ``ok``, ``FAILED`` or ``skipped``, and on what; with an empty
            verdict, it is more about the one before.

    Returns:
        The exit code.
    """
    report = _Report(tell)
    api = _registration(make, source, report)
    if api is None:
        rest = ["versions", *_REST]
    else:
        with api:
            rest = _ask_all(api, report)
    for what in rest:
        report.say("skipped", what, "see above")
    return report.code


def examine_app(app: AppService, tell: Callable[[str, str], None]) -> int:
    """The same of an application service that was made, through a session of its own."""
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
        tell,
    )


class _Report:
    """Verdicts, told as they are found, and the exit code that they come to."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self.code = 0
        self._tell = tell

    def say(self, verdict: str, what: str, text: str) -> None:
        """Tell a verdict: ``ok``, ``FAILED`` or ``skipped``."""
        self._tell(verdict, f"{what}: {text}")

    def failed(self, what: str, text: str, todo: str, code: int = REFUSED) -> None:
        """Tell that something failed, and what to do."""
        self.say("FAILED", what, text)
        if todo:
            self.note("to do", todo)
        self.code = self.code or code

    def note(self, what: str, text: str) -> None:
        """Tell what belongs to the verdict above."""
        self._tell("", f"{what}: {text}")

    def ask(self, what: str, call: Callable[[], T]) -> T | None:
        """Ask the homeserver; None, and a verdict, where that fails."""
        try:
            return call()
        except MatrixError as error:
            self.failed(what, str(error), _todo(error), exit_code(error))
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
    make: Callable[[], AppServiceAPI], source: str | None, report: _Report
) -> AppServiceAPI | None:
    try:
        api = make()
    except RegistrationError as error:
        report.failed("registration", str(error), "", USAGE)
        return None
    registration = api.registration
    if registration is None:
        report.say("skipped", "registration", "there is no file, only a token")
        return api
    report.say("ok", "registration", f"{source}, id {registration.id!r}")
    for warning in registration.warnings():
        report.note("warning", warning)
    _people(api, registration, report)
    return api


def _people(api: AppServiceAPI, registration: Registration, report: _Report) -> None:
    """Tell who counts as a ghost where namespaces aren't exclusive."""
    server = server_of(api.bot_mxid) if api.bot_mxid is not None else None
    spaces = registration.namespaces.users
    for number, space in enumerate(spaces):
        if not space.exclusive:
            report.note(
                "people", f"a user in {space.regex}, which isn't exclusive, is a ghost only if "
                "this application service has registered it, as its state store tells; all others "
                "are people: what they write is handled, and nobody acts for them unasked",
            )  # fmt: skip
            continue
        ghost = specimen(space, server) if server is not None else None
        first = next((one for one in spaces[:number] if ghost and one.matches(ghost)), space)
        if not first.exclusive:
            report.note(
                "warning", f"{space.regex} is exclusive, but {first.regex} stands before it and "
                "isn't, and the first that matches counts: put the exclusive one first",
            )  # fmt: skip


def _ask_all(api: AppServiceAPI, report: _Report) -> list[str]:
    """Ask until the rest is pointless; what is left."""
    found = report.ask("versions", lambda: _versions(api))
    if found is not None:
        versions = found.get("versions") or ["none"]
        report.say("ok", "versions", f"{len(versions)} at {api.base_url}, up to {versions[-1]}")
    elif report.code == TEMPORARY:
        return _REST
    bot = _whoami(api, report)
    if bot is None:
        return _REST[1:]
    _account(api, bot, report)
    if api.device_id is not None:
        _device(api, report)
    _namespaces(api, bot, report)
    _ping(api, report)
    return []


def _versions(api: AppServiceAPI) -> dict[str, Any]:
    """The homeserver's versions; asked by nobody, as Synapse refuses to tell a wrong token."""
    shared = api._shared
    with AppServiceAPI(api.base_url, default_retry_count=0) as nobody:
        return nobody.intent().versions(
            timeout=shared.timeout, deadline=max(shared.calls.left(), 0)
        )


def _whoami(api: AppServiceAPI, report: _Report) -> UserID | None:
    expected = api.bot_mxid
    answer = report.ask("whoami", lambda: api.bot_intent()._ask_whoami({}, as_device=False))
    if answer is None:
        return None
    bot = UserID(answer["user_id"])
    if expected not in (None, bot):
        report.failed(
            "whoami", f"the homeserver takes the as_token for {bot}, not for {expected}",
            "compare sender_localpart, the server name and --bot with what the homeserver has",
        )  # fmt: skip
    else:
        report.say("ok", "whoami", f"the as_token is that of {bot}")
    return bot


def _account(api: AppServiceAPI, bot: UserID, report: _Report) -> None:
    """Whether the bot has an account: without one it can act, but nobody finds it. Nothing tells
    but a registration."""
    if api.bot_mxid != bot:
        report.say("skipped", "account", "see above")
        return
    try:
        new = api.bot_intent().register()
    except MUnknownToken:
        report.say("skipped", "account", "the token isn't an application service's")
    except MExclusive as error:
        report.say("skipped", "account", f"{bot} acts without one: {error}")
    except MatrixError as error:
        report.failed("account", str(error), _todo(error), exit_code(error))
    else:
        report.say("ok", "account", f"{bot} {'had none, and was registered' if new else 'has one'}")


def _device(api: AppServiceAPI, report: _Report) -> None:
    """Whether the bot's device is there."""
    try:
        api.intent(ensure_joined=False).whoami()
    except MUnknownDevice:
        text = f"{api.device_id} isn't there yet: an intent makes it with its first request"
        report.say("ok", "device", text)
    except MatrixError as error:
        report.failed("device", str(error), _todo(error), exit_code(error))
    else:
        report.say("ok", "device", f"{api.device_id} of {api.bot_mxid} is there")


def _namespaces(api: AppServiceAPI, bot: UserID, report: _Report) -> None:
    """Whether ghosts may be acted as. None needs to be registered: Synapse looks at the
    namespaces first, and says so."""
    registration = api.registration
    spaces = registration.namespaces.users if registration is not None else []
    if not spaces:
        report.say("skipped", "namespaces", "there is no registration file that names users")
    for space in spaces:
        ghost = specimen(space, server_of(bot))
        if ghost is None:
            report.say("skipped", "namespaces", f"{space.regex} names no user that could be tried")
            continue
        try:
            api.intent(ghost, ensure_joined=False).whoami()
        except MForbidden as error:
            if "masquerade" in error.message:
                report.failed(
                    "namespaces", str(error),
                    "the homeserver has other namespaces: give it this registration, and "
                    "restart it",
                )  # fmt: skip
                continue
        except MUnknownDevice:
            pass  # a device is made where it is missing
        except MatrixError as error:
            report.failed("namespaces", str(error), _todo(error), exit_code(error))
            continue
        report.say("ok", "namespaces", f"{space.regex}, tried with {ghost}")


def _ping(api: AppServiceAPI, report: _Report) -> None:
    registration = api.registration
    if registration is None or registration.url is None:
        why = "there is no registration file" if registration is None else "the url is null"
        report.say("skipped", "ping", why)
        return
    try:
        duration = api.bot_intent().appservice_ping(registration.id, timeout=_PING_TIMEOUT)
    except MUnrecognized:
        report.say("skipped", "ping", "the homeserver is too old for it")
    except MatrixError as error:
        report.failed("ping", _answer(error), _todo(error), exit_code(error))
    else:
        report.say("ok", "ping", f"{registration.url} answered within {duration} ms")


def _answer(error: MatrixError) -> str:
    """What the homeserver said, and what the application service had said to it."""
    body = error.body.get("body") if isinstance(error, MBadStatus) else None
    return f"{error}: {body}" if body else str(error)
