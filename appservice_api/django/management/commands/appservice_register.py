"""``manage.py appservice_register``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError

from ....operations.new_registration import write_registration

__all__ = ["Command"]


class Command(BaseCommand):
    """Writes a registration file."""

    help = "Write a registration file for a new application service."
    # The settings may name the file that is to be written.
    requires_system_checks: ClassVar[list[str]] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options of ``appservice-api register``."""
        add = parser.add_argument
        add("id", help="The ID of the application service on its homeserver.")
        add("--url", help="The URL to which the homeserver shall send events.")
        add("--no-url", action="store_true", help="The homeserver shall send no events.")
        add("--server-name", required=True, help="The homeserver's name, as in user IDs.")
        add("--prefix", help="The prefix of the localparts of all ghosts and aliases.")
        add("--bot", help="The localpart of the bot.")
        add("--output", default="registration.yaml", help="The file to write.")
        add("--force", action="store_true", help="Replace the file, and the tokens in it.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        names = ("id", "url", "no_url", "server_name", "prefix", "bot", "output", "force")
        try:
            text = write_registration(**{name: options[name] for name in names})
        except (ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text, ending="")
