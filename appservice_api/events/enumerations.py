"""The enumerations of events and of what is asked of a homeserver; all of them are open."""

from __future__ import annotations

from .enumeration import OpenEnum

__all__ = [
    "RelationType",
]


class RelationType(OpenEnum):
    """How an event relates to another one."""

    ANNOTATION = "m.annotation"
    REFERENCE = "m.reference"
    REPLACE = "m.replace"
    THREAD = "m.thread"
