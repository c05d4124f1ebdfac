"""Options that several commands share, and what is made from them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

import appservice_api

from ..api.retry import RetryPolicy
from ..appservice import AppServiceAPI
from ..ids import UserID, server_of
from ..intent import IntentAPI
from ..log import TRACE, TraceLogger, trace_logger
from ..settings import Settings

__all__ = [
    "VERBOSITY",
    "api_of",
    "app_of",
    "intent_of",
    "read_stdin",
    "retry_options",
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
        help="Log requests to stderr; twice: also repeats and tracebacks.",
    )(command)  # fmt: skip


_SETTINGS = (
    ("--base-url", "URL", "The homeserver's URL [env: APPSERVICE_BASE_URL]."),
    ("--registration", "FILE", "The registration file [env: APPSERVICE_REGISTRATION; without "
     "one, APPSERVICE_TOKEN must hold the as_token]."),
    ("--server-name", "NAME", "The homeserver's name, if the registration doesn't imply it [env: "
     "APPSERVICE_SERVER_NAME]."),
    ("--bot", "USER", "The user ID of the bot, if the registration doesn't imply it [env: "
     "APPSERVICE_BOT_MXID]."),
)  # fmt: skip
_FIELDS = {"--bot": "bot_mxid"}
_GIVEN = "appservice_api.settings"


def _keep(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    option = param.opts[0]
    field = _FIELDS.get(option, option.lstrip("-").replace("-", "_"))
    ctx.meta.setdefault(_GIVEN, {})[field] = value


_RETRY = "appservice_api.retry"


def _keep_retry(ctx: click.Context, param: click.Parameter, value: float | None) -> None:
    if value is not None:
        ctx.meta.setdefault(_RETRY, {})[param.name] = value


def retry_options(what: str) -> Callable[[F], F]:
    """Give a command the retry options, which :func:`api_of` and :func:`app_of` read.

    Args:
        what: What the deadline bounds.
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
                callback=_keep_retry,
            )(command)  # fmt: skip
        return command

    return add


def settings_options(command: F) -> F:
    """Give a command the options that :func:`settings_of` and :func:`api_of` read, and ``-v``."""
    command = retry_options("the command")(verbose_option(command))
    for name, metavar, text in reversed(_SETTINGS):
        option = click.option(name, metavar=metavar, help=text, expose_value=False, callback=_keep)
        command = option(command)
    return command


def settings_of(ctx: click.Context) -> Settings:
    """The settings, from options and the environment.

    Raises:
        click.UsageError: A required setting is missing.
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


def api_of(ctx: click.Context, settings: Settings, **defaults: Any) -> AppServiceAPI:
    """The API of a command. One deadline bounds all requests of the command.

    Args:
        ctx: The context, which has the retry options.
        settings: The settings.
        defaults: Arguments of the constructor; retry options win over them.
    """
    given = ctx.meta.get(_RETRY, {})
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


def app_of(ctx: click.Context, target: str) -> appservice_api.AppService:
    """The application service of a command, with the retry options applied to its calls.

    Args:
        ctx: The context, which has the retry options.
        target: ``MODULE:APP``; modules in the current folder are found.

    Raises:
        click.UsageError: There is no such module, or no AppService of this name in it.
    """
    from ..application import AppService

    name, _, attribute = target.partition(":")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        app = getattr(import_module(name), attribute or "app")
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise click.UsageError(f"there is no module {name!r} here") from error
    except AttributeError as error:
        raise click.UsageError(f"{target!r} can't be served: {error}") from error
    if not isinstance(app, AppService):
        raise click.UsageError(f"{target!r} is no AppService, but {type(app).__name__}")
    app.api._shared.set_retry_options(**ctx.meta.get(_RETRY, {}))
    return app


def intent_of(api: AppServiceAPI, settings: Settings, user: str | None) -> IntentAPI:
    """The intent of the user as whom a command acts.

    Args:
        api: The application service.
        settings: The settings from which it was made.
        user: A user ID, a localpart on the application service's homeserver, or None for the bot.

    Raises:
        ValueError: It isn't a user of the application service.
        MatrixError: The server name isn't known, and whoami failed.
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
