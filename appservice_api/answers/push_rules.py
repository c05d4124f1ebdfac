"""Views of push rules: what a user is notified of, and how."""

from __future__ import annotations

from typing import Any

from ..events.view import Field, View, flag, items, text, value, view

__all__ = ["PushCondition", "PushRule", "PushRuleset", "PushRulesets"]


def _actions(found: Any) -> list[Any] | None:
    return found if isinstance(found, list) else None


class PushCondition(View):
    """What must be true of an event.

    Attributes:
        kind: The kind of the condition, like ``event_match``.
        key: The field of the event, divided by dots.
        pattern: The glob that the field must match.
        is_: How many members the room must have, like ``2`` or ``>=10`` (the key is ``is``).
        value: What the field must be or hold.
    """

    __slots__ = ()
    kind = text(str)
    key = text(str)
    pattern = text(str)
    is_ = text(str, "is")
    value = value()


class PushRule(View):
    """What happens with an event that fits.

    Attributes:
        rule_id: Its name; those of the homeserver's own begin with a dot.
        actions: What is done: ``notify``, or objects with ``set_tweak`` and ``value``.
        default: Whether it is the homeserver's own.
        enabled: Whether it counts.
        conditions: What must be true, for the kinds ``override`` and ``underride``.
        pattern: The glob that the body must match, for the kind ``content``.
    """

    __slots__ = ()
    rule_id = text(str)
    actions = Field(None, _actions)
    default = flag()
    enabled = flag()
    conditions = items(PushCondition)
    pattern = text(str)

    @property
    def notifies(self) -> bool:
        """Whether the user is notified."""
        return "notify" in (self.actions or ())

    def tweak(self, name: str) -> Any:
        """The value of a tweak, like ``sound`` or ``highlight``; None if it isn't set.

        Args:
            name: The name of the tweak.
        """
        for action in self.actions or ():
            if isinstance(action, dict) and action.get("set_tweak") == name:
                # A highlight without a value is one.
                return action.get("value", True if name == "highlight" else None)
        return None


class PushRuleset(View):
    """The push rules of a user. The kinds are asked in this order, and of each kind the first
    rule that fits counts.

    Attributes:
        override: Rules with conditions, above all others.
        content: Rules for the text of messages.
        room: Rules for whole rooms; ``rule_id`` is the room.
        sender: Rules for whole senders; ``rule_id`` is the user.
        underride: Rules with conditions, below all others.
    """

    __slots__ = ()
    override = items(PushRule)
    content = items(PushRule)
    room = items(PushRule)
    sender = items(PushRule)
    underride = items(PushRule)


class PushRulesets(View):
    """All that a user has of push rules.

    Attributes:
        global_: The only ruleset that there is (the key is ``global``).
    """

    __slots__ = ()
    global_ = view(PushRuleset, "global")
