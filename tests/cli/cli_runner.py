"""Runs the command line within this process, and watches that it prints no token."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from appservice_api import Registration
from appservice_api.cli.commands import commands
from appservice_api.testing import StubHomeserver

AS_TOKEN = "secret-of-the-application-service"
HS_TOKEN = "secret-of-the-homeserver"
BOT = "@bot:hs.test"
_VARIABLES = ("BASE_URL", "REGISTRATION", "TOKEN", "BOT_MXID", "SERVER_NAME", "DEVICE_ID")
# Before click 8.2, stderr is kept apart only on demand.
_APART: Any = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
)


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def run(*args: str, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Outcome:
    """Run a command with nothing but the given settings."""
    settings = {f"APPSERVICE_{name}": None for name in _VARIABLES}
    result = CliRunner(**_APART).invoke(
        commands, args, env={**settings, **(env or {})}, input=stdin, catch_exceptions=False
    )
    assert_no_token(result.stdout + result.stderr)
    return Outcome(result.exit_code, result.stdout, result.stderr)


def assert_no_token(text: str) -> None:
    assert AS_TOKEN not in text
    assert HS_TOKEN not in text


def settings(hs: StubHomeserver) -> dict[str, str]:
    """The environment that leads to a homeserver."""
    return {
        "APPSERVICE_BASE_URL": hs.base_url,
        "APPSERVICE_TOKEN": AS_TOKEN,
        "APPSERVICE_BOT_MXID": BOT,
    }


def save_registration(folder: Path, **changes: Any) -> str:
    """Write a registration for the stub."""
    data = {
        "id": "stub",
        "url": "http://127.0.0.1:9/as",
        "as_token": AS_TOKEN,
        "hs_token": HS_TOKEN,
        "sender_localpart": "bot",
        "namespaces": {"users": [{"exclusive": True, "regex": r"@_demo_.*:hs\.test"}]},
        "rate_limited": False,
    }
    path = str(folder / "registration.json")
    Registration.load({**data, **changes}).save(path)
    return path
