"""``manage.py appservice_check``."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from ....operations.examination import examine_app
from ....operations.outcome import one_line
from ...conf import appservice

__all__ = ["Command"]


class Command(BaseCommand):
    """Examines the application service."""

    help = (
        "Examine whether the project's application service works. The site should be running: the "
        "homeserver is asked to ping it. Nothing is changed, except that a bot without an account "
        "is registered."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run it."""
        styles = {
            "ok": self.style.SUCCESS,
            "FAILED": self.style.ERROR,
            "skipped": self.style.WARNING,
        }

        def report(verdict: str, text: str) -> None:
            shown = styles.get(verdict, str)(f"{verdict:8}")
            self.stdout.write(f"{shown} {one_line(text)}")

        if code := examine_app(appservice(), report):
            sys.exit(code)
