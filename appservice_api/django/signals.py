"""Signals of what the homeserver pushes."""

from __future__ import annotations

from django.dispatch import Signal

__all__ = ["matrix_event"]

#: Sent for each event of a room that somebody else has sent, with ``event`` and ``app``. A receiver
#: that raises counts as a handler that raises: it is called again, and then the event is parked.
matrix_event = Signal()
