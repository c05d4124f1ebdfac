"""``manage.py appservice_catch_up``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ....cli.backlog import catch_up_app
from ....cli.outcome import exit_code, one_line, sentence
from ....errors import MatrixError
from ...conf import appservice

__all__ = ["Command"]


class Command(BaseCommand):
    """Has handled what was never pushed."""

    help = (
        "Handle what is in rooms and was never pushed: a homeserver that is restarted may forget "
        "what it has yet to push. The site may be running meanwhile."
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
            code = catch_up_app(appservice(), rooms, self.stdout.write, self.stderr.write)
        except (MatrixError, ValueError) as error:
            raise CommandError(one_line(sentence(error)), returncode=exit_code(error)) from error
        if code:
            sys.exit(code)
