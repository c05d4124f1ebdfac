"""Which class reads the content of which type of event."""

from __future__ import annotations

from typing import Any

from .event_content import EventContent

__all__ = ["CONTENTS", "content_class", "read_content"]

#: The classes by event type.
CONTENTS: dict[str, type[EventContent]] = {}


def content_class(event_type: object, content: object = None) -> type[EventContent]:
    """The class that reads a content.

    Args:
        event_type: The type of the event.
        content: The content, whose ``msgtype`` counts for messages.
    """
    return CONTENTS.get(event_type, EventContent) if isinstance(event_type, str) else EventContent


def read_content(event_type: object, content: Any) -> EventContent:
    """A content, as the class of its type; what isn't an object is an empty content."""
    kind = content_class(event_type, content)
    return content if isinstance(content, kind) else kind.read(content)
