"""``manage.py appservice_parked``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ....errors import MatrixError
from ....operations import parking
from ....operations.outcome import exit_code, sentence
from ...conf import appservice

__all__ = ["Command"]


class Command(BaseCommand):
    """Manages parked events."""

    help = (
        "Manage events whose handlers failed: an event whose handler fails repeatedly is parked "
        "with the traceback, so that other events don't wait for it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The action, and the numbers of the events."""
        actions = parser.add_subparsers(dest="what", required=True, metavar="list|show|drop|retry")
        actions.add_parser(
            "list",
            help="List them, the oldest first: number, time (UTC), type, sender, room, and what "
            "went wrong.",
        )
        shower = actions.add_parser("show", help="Print an event as JSON, and the traceback.")
        shower.add_argument("number", metavar="NUMBER", type=int)
        for name, text in (
            ("drop", "Drop events for good; they are never handled."),
            ("retry", "Hand events to their handlers again; the exit code is 1 if one still fails "
             "and is parked again, with a new number."),
        ):  # fmt: skip
            action = actions.add_parser(name, help=text)
            which = action.add_mutually_exclusive_group(required=True)
            which.add_argument("numbers", metavar="NUMBER", type=int, nargs="*", default=[])
            which.add_argument("--all", action="store_true", help="All that are parked now.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        try:
            code = self._run(options)
        except (MatrixError, ValueError) as error:
            raise CommandError(sentence(error), returncode=exit_code(error)) from error
        if code:
            sys.exit(code)

    def _run(self, options: dict[str, Any]) -> int:
        app = appservice()
        deliveries = app.state_store.deliveries
        out, err = self.stdout.write, self.stderr.write
        what = options["what"]
        if what == "list":
            parking.list_all(deliveries, out, err)
        elif what == "show":
            parking.show(deliveries, options["number"], out)
        else:
            chosen = parking.ALL if options["all"] else options["numbers"]
            if what == "retry":
                return parking.retry(app, chosen, out, err)
            parking.drop(deliveries, chosen, out)
        return 0
