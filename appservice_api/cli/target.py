"""MODULE:APP: the application service that a command is about, with its handlers."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from ..application import AppService

__all__ = ["load"]


def load(target: str) -> AppService:
    """The application service that a text names; modules in the present folder are found.

    Raises:
        click.UsageError: There is none, or it is none.
    """
    name, _, attribute = target.partition(":")
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = getattr(import_module(name), attribute or "app")
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise click.UsageError(f"there is no module {name!r} here") from error
    except AttributeError as error:
        raise click.UsageError(f"{target!r} can't be served: {error}") from error
    if not isinstance(found, AppService):
        raise click.UsageError(f"{target!r} is no AppService, but {type(found).__name__}")
    return found
