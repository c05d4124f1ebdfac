"""``manage.py appservice_catch_up``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ....errors import MatrixError
from ....operations import backlog
from ....operations.outcome import exit_code, sentence
from ...conf import appservice

__all__ = ["Command"]


class Command(BaseCommand):
    """Handles events that were never pushed."""

    help = (
        "Handle events that the homeserver never pushed: if it is restarted, it may forget events "
        "that it hasn't pushed yet. The site may be running meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The rooms."""
        parser.add_argument(
            "rooms", metavar="ROOM_ID", nargs="*", help="All rooms if none is given."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        rooms = options["rooms"] or None
        try:
            code = backlog.catch_up(appservice(), rooms, self.stdout.write, self.stderr.write)
        except (MatrixError, ValueError) as error:
            raise CommandError(sentence(error), returncode=exit_code(error)) from error
        if code:
            sys.exit(code)
