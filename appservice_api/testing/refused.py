"""Refusals of the in-memory homeserver."""

from __future__ import annotations

from .wire import Answer, refusal

__all__ = ["Refused", "forbidden"]


class Refused(Exception):
    """A request that the homeserver refuses.

    Args:
        status: The HTTP status.
        errcode: The Matrix error code.
        error: The text for people.
    """

    def __init__(self, status: int, errcode: str, error: str) -> None:
        super().__init__(error)
        self.answer: Answer = refusal(status, errcode, error)


def forbidden(error: str) -> Refused:
    """Build the commonest refusal.

    Args:
        error: The text for people.

    Returns:
        403 M_FORBIDDEN.
    """
    return Refused(403, "M_FORBIDDEN", error)
