"""The topic of a room. Spec: Client-Server API, ``m.room.topic``."""

from __future__ import annotations

from typing import overload

from ..compat import Self
from .content import plain_text
from .event_content import StateEventContent
from .view import Field, View, items, text, view

__all__ = ["RoomTopicStateEventContent", "TextRepresentation", "Topic"]


class TextRepresentation(View):
    """A text in one format.

    Attributes:
        body: The text.
        mimetype: Its media type; ``text/plain`` if None.
    """

    __slots__ = ()

    body = text(str)
    mimetype = text(str)


class Topic(View):
    """A topic in several formats, the best first."""

    __slots__ = ()

    text = items(TextRepresentation, "m.text")


class _TopicHTML(Field[str]):
    """The HTML of a topic. Setting it sets the plain text, too."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("m.topic", lambda found: None)

    @overload
    def __get__(self, view: None, owner: type) -> Self: ...
    @overload
    def __get__(self, view: View, owner: type) -> str | None: ...
    def __get__(self, view: View | None, owner: type) -> Self | str | None:
        if view is None:
            return self
        for one in Topic.read(view.get("m.topic")).text or ():
            if one.mimetype == "text/html":
                return one.body
        return None

    def __set__(self, view: View, new: str | None) -> None:
        if new is None:
            view.pop("m.topic", None)
            return
        plain = view.setdefault("topic", plain_text(new))
        view["m.topic"] = Topic({"m.text": [
            {"mimetype": "text/html", "body": new}, {"mimetype": "text/plain", "body": plain},
        ]})  # fmt: skip


class RoomTopicStateEventContent(StateEventContent):
    """The content of ``m.room.topic``.

    Attributes:
        topic: The topic as plain text.
        rich_topic: The topic in several formats.
        html: The topic as HTML. Setting it sets ``rich_topic``, and ``topic`` if that is missing.
    """

    __slots__ = ()

    topic = text(str)
    rich_topic = view(Topic, "m.topic")
    html = _TopicHTML()
