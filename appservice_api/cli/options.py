"""Options that several commands share, and what is made of them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..api.retry import RetryPolicy
from ..appservice import AppServiceAPI
from ..ids import UserID, server_of
from ..intent import IntentAPI
from ..log import TRACE, TraceLogger, trace_logger
from ..settings import Settings

if TYPE_CHECKING:
    from ..application import AppService

__all__ = [
    "VERBOSITY",
    "acting",
    "made",
    "patience_options",
    "patient",
    "read_stdin",
    "settings_of",
    "settings_options",
    "verbose_option",
]

F = TypeVar("F", bound=Callable[..., Any])

#: Where the context keeps how often ``-v`` was given.
VERBOSITY = "appservice_api.verbosity"


def _set_verbosity(ctx: click.Context, param: click.Parameter, count: int) -> None:
    ctx.meta[VERBOSITY] = count
    if count:
        logger: TraceLogger = trace_logger("appservice_api")
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if count == 1 else TRACE)


def verbose_option(command: F) -> F:
    """Give a command ``-v``."""
    return click.option(
        "-v", "--verbose", count=True, expose_value=False, callback=_set_verbosity,
        help="Log requests to stderr; twice: repeats and tracebacks, too.",
    )(command)  # fmt: skip


_SETTINGS = (
    ("--base-url", "URL", "The homeserver's URL [env: APPSERVICE_BASE_URL]."),
    ("--registration", "FILE", "The registration file [env: APPSERVICE_REGISTRATION; without "
     "one, APPSERVICE_TOKEN must hold the as_token]."),
    ("--server-name", "NAME", "The homeserver's name, where the registration doesn't tell [env: "
     "APPSERVICE_SERVER_NAME]."),
    ("--bot", "USER", "The user ID of the bot, where the registration doesn't tell [env: "
     "APPSERVICE_BOT_MXID]."),
)  # fmt: skip
_FIELDS = {"--bot": "bot_mxid"}
_GIVEN = "appservice_api.settings"


def _keep(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    option = param.opts[0]
    field = _FIELDS.get(option, option.lstrip("-").replace("-", "_"))
    ctx.meta.setdefault(_GIVEN, {})[field] = value


_PATIENCE = "appservice_api.patience"


def _keep_patience(ctx: click.Context, param: click.Parameter, value: float | None) -> None:
    if value is not None:
        ctx.meta.setdefault(_PATIENCE, {})[param.name] = value


def patience_options(what: str) -> Callable[[F], F]:
    """Give a command the options that :func:`made` and :func:`patient` read.

    Args:
        what: What the deadline is for.
    """
    seconds = click.FloatRange(min=0, min_open=True)
    options: tuple[tuple[str, str, Any, str], ...] = (
        ("--timeout", "SECONDS", seconds, "How long to wait for data.  [default: 30]"),
        ("--deadline", "SECONDS", seconds, f"How long {what} may take in all.  [default: 45]"),
        ("--retry-count", "N", click.IntRange(min=0), "How often to repeat a request if the "
         "homeserver isn't reachable; 0 for never, rate limits included."),
    )  # fmt: skip

    def add(command: F) -> F:
        for name, metavar, kind, text in reversed(options):
            command = click.option(
                name, metavar=metavar, type=kind, help=text, expose_value=False,
                callback=_keep_patience,
            )(command)  # fmt: skip
        return command

    return add


def settings_options(command: F) -> F:
    """Give a command the options that :func:`settings_of` and :func:`made` read, and ``-v``."""
    command = patience_options("the command")(verbose_option(command))
    for name, metavar, text in reversed(_SETTINGS):
        option = click.option(name, metavar=metavar, help=text, expose_value=False, callback=_keep)
        command = option(command)
    return command


def settings_of(ctx: click.Context) -> Settings:
    """The settings, from options and the environment.

    Raises:
        click.UsageError: There is too little to speak to a homeserver.
    """
    settings = Settings.of(os.environ, **ctx.meta[_GIVEN])
    if not settings.base_url:
        raise click.UsageError("give the homeserver's URL: --base-url, or APPSERVICE_BASE_URL", ctx)
    if not (settings.registration or settings.token):
        raise click.UsageError(
            "give the registration file: --registration, or APPSERVICE_REGISTRATION; or set "
            "APPSERVICE_TOKEN to its as_token", ctx,
        )  # fmt: skip
    return settings


def made(ctx: click.Context, settings: Settings, **defaults: Any) -> AppServiceAPI:
    """The API; one deadline holds for all that the command asks it for.

    Args:
        ctx: Knows the options.
        settings: The settings.
        defaults: Arguments of the constructor that hold where no option says something else.
    """
    given = ctx.meta.get(_PATIENCE, {})
    kwargs = dict(defaults)
    if "timeout" in given:
        kwargs["timeout"] = given["timeout"]
    if "deadline" in given:
        kwargs["retry"] = RetryPolicy(deadline=given["deadline"])
    if "retry_count" in given:
        kwargs["default_retry_count"] = given["retry_count"]
    api = AppServiceAPI._from_settings(settings, **kwargs)
    api._shared.calls.begin()
    return api


def patient(ctx: click.Context, app: AppService) -> AppService:
    """An application service, whose calls take as long as the options say."""
    app.api._shared.set_retry_options(**ctx.meta.get(_PATIENCE, {}))
    return app


def acting(api: AppServiceAPI, settings: Settings, user: str | None) -> IntentAPI:
    """The intent of the user whom a command speaks as.

    Args:
        api: The application service.
        settings: What it was made of.
        user: A user ID, a localpart on the application service's homeserver, or None for the bot.

    Raises:
        ValueError: It isn't a user of the application service.
        MatrixError: The homeserver had to be asked for its name, and that failed.
    """
    if user is None:
        return api.bot_intent()
    if ":" not in user:
        server = settings.server_name or server_of(api.bot_intent().mxid)
        user = f"@{user.removeprefix('@')}:{server}"
    return api.intent(UserID(user))


def read_stdin() -> str:
    """All of standard input.

    Raises:
        ValueError: It isn't UTF-8.
    """
    return sys.stdin.buffer.read().decode("utf-8-sig")
