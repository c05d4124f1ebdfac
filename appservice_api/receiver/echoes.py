"""Echoes: what an application service has sent comes back to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..api.event import Mark
from ..api.ghosts import Ghosts
from ..api.sent import PROFILE_KEYS, Sent

__all__ = ["Echoes"]


class Echoes:
    """Tells echoes from what others have sent.

    Args:
        ghosts: Tells ghosts from people.
        sent: Knows what was sent as people.
        mark: What is put into the content of events that are sent as people, None for nothing.
    """

    def __init__(self, ghosts: Ghosts, sent: Sent, mark: Mark | None) -> None:
        self._ghosts = ghosts
        self._sent = sent
        self._mark = mark

    def is_ours(self, user_id: object) -> bool:
        """Whether a user is the bot or a ghost.

        Raises:
            StateStoreError: The store can't be reached.
        """
        return isinstance(user_id, str) and self._ghosts.is_ours(user_id)

    def is_ghost(self, user_id: object) -> bool:
        """Whether a user is a ghost; as :meth:`is_ours`."""
        return isinstance(user_id, str) and self._ghosts.is_ghost(user_id)

    def ours_among(self, user_ids: Iterable[str]) -> list[str]:
        """Who of many users is the bot or a ghost; as :meth:`is_ours`."""
        return self._ghosts.ours_among(user_ids)

    def is_mine(self, event: Mapping[str, Any]) -> bool:
        """Whether an event was sent by the bot, a ghost, or as a person through us; typing and
        receipts: whether it is about nobody else.

        Events of people without a mark may have to wait for the answer to a request that is
        under way: it names them.

        Raises:
            StateStoreError: The store can't be reached.
        """
        sender, content = event.get("sender"), event.get("content")
        if isinstance(sender, str) and self._ghosts.is_ours(sender):
            return True
        # Nearly all are dicts; asking the abstract class costs more than the rest.
        if not isinstance(content, (dict, Mapping)):
            return False
        if not isinstance(sender, str):
            names = [*_named(event, content)]
            known = (self.is_ours(name[-1]) or self._sent.knows(name) for name in names)
            return bool(names) and all(known)
        mark = self._mark
        # Who changes a state event in another client may copy the mark that it had.
        if (
            mark is not None and mark.key in content
            and mark.is_on(content) and not mark.is_on(_previous(event))
        ):  # fmt: skip
            return True
        if self._sent.anything and self._is_known(event, sender, content):
            return True
        if "state_key" not in event and event.get("type") != "m.room.redaction":
            return False
        return self._was_sent(event, sender, content)

    def _is_known(self, event: Mapping[str, Any], sender: str, content: Mapping[str, Any]) -> bool:
        """Whether this process has sent an event of a person, as it knows without asking."""
        event_id, sent = event.get("event_id"), self._sent
        if not isinstance(event_id, str):
            return event.get("type") == "m.presence" and sent.knows(_presence(sender, content))
        return sent.knows_event(event_id, everywhere=False) or sent.knows(
            _transaction(event, sender)
        )

    def _was_sent(self, event: Mapping[str, Any], sender: str, content: Mapping[str, Any]) -> bool:
        """Whether any process has sent an event of a person that has no mark."""
        event_id, sent = event.get("event_id"), self._sent
        if not isinstance(event_id, str):
            return False
        changed = _changed_profile(event, sender, content, _previous(event))
        if changed and sent.knows_profile(sender, changed, event.get("origin_server_ts")):
            return True
        sent.wait(sender)
        return sent.knows_event(event_id)


def _transaction(event: Mapping[str, Any], sender: str) -> tuple[str, object]:
    """The name of an event by its transaction ID, which homeservers may show its sender."""
    unsigned = event.get("unsigned")
    found = unsigned.get("transaction_id") if isinstance(unsigned, Mapping) else None
    return sender, found if isinstance(found, str) else None


def _previous(event: Mapping[str, Any]) -> object:
    """The content that a state event replaces."""
    unsigned = event.get("unsigned")
    found = unsigned.get("prev_content") if isinstance(unsigned, Mapping) else None
    return found if found is not None else event.get("prev_content")


def _changed_profile(
    event: Mapping[str, Any], sender: str, content: Mapping[str, Any], before: object
) -> dict[str, Any]:
    """The new parts of a profile in a member event of a user who stays in a room."""
    if event.get("type") != "m.room.member" or event.get("state_key") != sender:
        return {}
    if not isinstance(before, Mapping):
        return {}
    if content.get("membership") != "join" or before.get("membership") != "join":
        return {}
    return {
        key: content.get(key)
        for key in PROFILE_KEYS
        if (content.get(key) or "") != (before.get(key) or "")
    }


def _presence(user_id: str, content: Mapping[str, Any]) -> tuple[object, ...]:
    """The name of a presence."""
    presence, status = content.get("presence"), content.get("status_msg")
    return "presence", str(presence), str(status or ""), user_id


def _named(event: Mapping[str, Any], content: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The names of typing or receipts; the user is the last part of each."""
    kind, room_id = event.get("type"), event.get("room_id")
    if kind == "m.typing":
        users = content.get("user_ids")
        for user in users if isinstance(users, list) else ():
            yield "typing", str(room_id), _text(user)
    if kind != "m.receipt":
        return
    for event_id, receipts in content.items():
        for readers in receipts.values() if isinstance(receipts, Mapping) else ():
            for user in readers if isinstance(readers, Mapping) else ():
                yield "receipt", str(room_id), event_id, _text(user)


def _text(user: object) -> str:
    """A user ID; empty for what can't be one."""
    return user if isinstance(user, str) else ""
