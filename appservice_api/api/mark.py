"""The mark in events that an application service sends as a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SOURCE_KEY", "Mark"]

#: The key in the content of events whose value is the ID of the registration that sent them.
SOURCE_KEY = "appservice_api.double_puppet_source"


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
        """Whether a content has the mark."""
        found = content.get(self.key) if isinstance(content, Mapping) else None
        if found is None:
            return False
        return bool(found) if self.value is True else found == self.value

    def put_on(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """A content with the mark; an existing value of the key is kept."""
        return dict(content) if self.key in content else {**content, self.key: self.value}
