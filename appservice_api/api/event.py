"""Events to send: which requests send one, and what is added to its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from ..events.content import check_event_size, check_event_values
from .body import Body
from .request import json_body

__all__ = ["SOURCE_KEY", "Mark", "event_body", "sent_kind", "timestamp_ms", "with_external_url"]

#: The key in the content of events whose value is the ID of the registration that sent them.
SOURCE_KEY = "appservice_api.double_puppet_source"
# Compiled on first use.
_EVENT_PATH = r"/_matrix/client/[^/]+/rooms/[^/]+/(?:(send)/[^/]+/|(state)/|(redact)/[^/]+/)"
_HTTP_URL = r"https?://[^\s]+\Z"


class Mark:
    """What is put into the content of events that are sent as a person.

    Attributes:
        key: The key.
        value: Its value: the ID of the registration, or True for a key of the user's own.
    """

    __slots__ = ("key", "value")

    def __init__(self, key: str, value: str | bool) -> None:
        self.key = key
        self.value = value

    def is_on(self, content: object) -> bool:
        """Whether a content has it."""
        found = content.get(self.key) if isinstance(content, Mapping) else None
        if found is None:
            return False
        return bool(found) if self.value is True else found == self.value

    def put_on(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """A content with it; one that has the key already keeps its own value."""
        return dict(content) if self.key in content else {**content, self.key: self.value}


@lru_cache(maxsize=4096)
def sent_kind(method: str, template: str) -> str:
    """``send``, ``state`` or ``redact`` for a request that sends an event; otherwise empty."""
    match = re.match(_EVENT_PATH, template) if method == "PUT" else None
    return match[match.lastindex or 0] if match else ""


def timestamp_ms(timestamp: int | datetime) -> int:
    """Milliseconds since 1970 of a timestamp; a datetime without a zone is local time.

    Raises:
        ValueError: It isn't a timestamp, or is before 1970.
    """
    if isinstance(timestamp, datetime):
        milliseconds = round(timestamp.timestamp() * 1000)
    elif isinstance(timestamp, int) and not isinstance(timestamp, bool):
        milliseconds = timestamp
    else:
        raise ValueError(f"timestamp must be int milliseconds or a datetime, not {timestamp!r}")
    if not 0 <= milliseconds < 2**53:
        raise ValueError(f"timestamp {timestamp!r} is before 1970, or too large")
    return milliseconds


def with_external_url(content: Any, external_url: str | None) -> Any:
    """The content with the URL of the original message; the caller's own isn't changed.

    Raises:
        ValueError: It isn't an http or https URL, or the content isn't a dict.
    """
    if external_url is None:
        return content
    if not isinstance(content, dict):
        raise ValueError("external_url needs a content that is a dict")
    if not isinstance(external_url, str) or not re.match(_HTTP_URL, external_url):
        raise ValueError(f"external_url must be an http or https URL, not {external_url!r}")
    return {**content, "external_url": external_url}


def event_body(content: dict[str, Any], mark: Mark | None) -> Body:
    """The body that sends the content of an event.

    Args:
        content: The content; it isn't changed.
        mark: The mark to add, None for none.

    Raises:
        ValueError: No homeserver accepts the content.
    """
    if mark is not None:
        content = mark.put_on(content)
    check_event_values(content)
    body = json_body(content)
    check_event_size(body.length)
    return body
