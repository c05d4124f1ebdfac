"""Contents of events: their limits, and how those of messages are made.

Spec: Appendices, "Canonical JSON"; Client-Server API, "Size limits", "Instant messaging",
"Rich replies", "Threading" and "Event replacements".
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

__all__ = [
    "MAX_EVENT_BYTES",
    "check_event_size",
    "check_event_values",
    "content_of",
    "edit_content",
    "plain_text",
    "reply_content",
    "text_content",
    "thread_content",
]

MAX_EVENT_BYTES = 65_536
_MAX_INT = 2**53 - 1
_BLOCKS = frozenset(
    ("blockquote", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "table", "tr",
     "ul")
)  # fmt: skip


def check_event_size(size: int) -> None:
    """Check that a content is small enough for an event.

    Args:
        size: The size of its JSON in bytes.

    Raises:
        ValueError: It is too large.
    """
    if size > MAX_EVENT_BYTES:
        raise ValueError(
            f"the content has {size} bytes; a whole event may have {MAX_EVENT_BYTES}, with what "
            "the homeserver adds"
        )


def check_event_values(value: Any, where: str = "content") -> None:
    """Check that an event can hold the values of a content.

    Args:
        value: The content of a room event, or a part of it.
        where: Its name in the error.

    Raises:
        ValueError: It holds a float, an integer beyond 2^53 - 1, or a value that isn't JSON.
    """
    try:
        _check_values(value, where)
    except RecursionError:
        raise ValueError(f"{where} is nested too deeply, or refers to itself") from None


def _check_values(value: Any, where: str) -> None:
    keyed = isinstance(value, dict)
    for key, item in value.items() if keyed else enumerate(value):
        if keyed and not isinstance(key, str):
            raise ValueError(f"{where} has the key {key!r}: keys must be str")
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if isinstance(item, (dict, list, tuple)):
            _check_values(item, f"{where}[{key!r}]")
        elif isinstance(item, float):
            raise ValueError(f"{where}[{key!r}] is {item!r}: events can't hold floats")
        elif isinstance(item, int):
            if not -_MAX_INT <= item <= _MAX_INT:
                raise ValueError(f"{where}[{key!r}] is {item}: integers end at 2^53 - 1")
        elif not isinstance(item, str):
            raise ValueError(f"{where}[{key!r}] is {item!r}, which JSON can't hold")


def content_of(content: Any, what: str = "content") -> dict[str, Any]:
    """A copy of the content that a caller gave.

    Raises:
        ValueError: It isn't a dict.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{what} must be a dict, not {content!r}")
    return dict(content)


def text_content(msgtype: str, text: str | None, html: str | None) -> dict[str, Any]:
    """The content of a text message.

    Args:
        msgtype: ``m.text``, ``m.notice`` or ``m.emote``.
        text: The plain body; made from ``html`` if None.
        html: The formatted body, or None.

    Raises:
        ValueError: Neither is given.
    """
    if text is None:
        if html is None:
            raise ValueError("a message needs text or html")
        text = plain_text(str(html))
    for name, value in (("text", text), ("html", html), ("msgtype", msgtype)):
        if not isinstance(value, str) and not (name == "html" and value is None):
            raise ValueError(f"{name} must be a str, not {value!r}")
    content: dict[str, Any] = {"msgtype": msgtype, "body": text}
    if html is not None:
        content["format"] = "org.matrix.custom.html"
        content["formatted_body"] = html
    return content


def plain_text(html: str) -> str:
    """The text of a formatted body, without tags and with entities resolved."""
    from html.parser import HTMLParser

    parts: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            parts.append(data)

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            given = dict(attrs)
            if tag == "img":
                parts.append(given.get("alt") or given.get("title") or "")
            elif tag == "br" or (tag in _BLOCKS and parts and not parts[-1].endswith("\n")):
                parts.append("\n")
            elif tag in ("td", "th") and parts and not parts[-1].endswith("\n"):
                parts.append(" ")

        def handle_endtag(self, tag: str) -> None:
            if tag in _BLOCKS and parts and not parts[-1].endswith("\n"):
                parts.append("\n")

    parser = Text(convert_charrefs=True)
    parser.feed(html)
    parser.close()
    return "".join(parts).strip()


def reply_content(
    content: Mapping[str, Any], event_id: str, thread_root: str | None = None
) -> dict[str, Any]:
    """The content as a reply to an event. In a thread it is a real reply, not the fallback for
    clients that don't support threads.

    Args:
        content: The content.
        event_id: The event that is replied to.
        thread_root: The root of the thread of that event, or None.
    """
    relates_to = _relates_to(content)
    if thread_root is not None and "rel_type" not in relates_to:
        relates_to.update(rel_type="m.thread", event_id=thread_root)
    relates_to["m.in_reply_to"] = {"event_id": event_id}
    relates_to.pop("is_falling_back", None)
    if relates_to.get("rel_type") == "m.thread":
        relates_to["is_falling_back"] = False
    return {**content, "m.relates_to": relates_to}


def thread_content(
    content: Mapping[str, Any], root: str, last: str | None = None, fallback: bool = True
) -> dict[str, Any]:
    """The content as a part of a thread.

    Args:
        content: The content; a reply stays a reply.
        root: The root of the thread.
        last: The newest event of the thread; the root if None.
        fallback: Whether clients that don't support threads show it as a reply to ``last``.
    """
    before = _relates_to(content)
    relates_to: dict[str, Any] = {"rel_type": "m.thread", "event_id": root}
    if "m.in_reply_to" in before and not before.get("is_falling_back"):
        relates_to["m.in_reply_to"] = before["m.in_reply_to"]
        relates_to["is_falling_back"] = False
    elif fallback:
        relates_to["m.in_reply_to"] = {"event_id": last or root}
        relates_to["is_falling_back"] = True
    return {**content, "m.relates_to": relates_to}


def edit_content(content: Mapping[str, Any], event_id: str) -> dict[str, Any]:
    """The content as an edit of an event, with a fallback for clients that don't support edits."""
    given = content.get("m.new_content")
    given = given if isinstance(given, Mapping) else content
    new = {key: value for key, value in given.items() if key != "m.relates_to"}
    edited = {**new, "body": f"* {new.get('body', '')}", "m.new_content": copy.deepcopy(new)}
    if "formatted_body" in new:
        edited["formatted_body"] = f"* {new['formatted_body']}"
    edited["m.relates_to"] = {"rel_type": "m.replace", "event_id": event_id}
    return edited


def _relates_to(content: Mapping[str, Any]) -> dict[str, Any]:
    found = content.get("m.relates_to")
    return dict(found) if isinstance(found, Mapping) else {}
