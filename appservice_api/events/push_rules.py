"""Push rules. Spec: Client-Server API, "Push rules" and ``m.push_rules``."""

from __future__ import annotations

from typing import Any

from .enumerations import PushConditionKind
from .event_content import AccountDataEventContent
from .view import View, flag, items, one_of, text, value, view

__all__ = [
    "PushCondition",
    "PushRule",
    "PushRulesAccountDataEventContent",
    "PushRuleset",
]


class PushCondition(View):
    """When a push rule matches.

    Attributes:
        kind: What is compared.
        key: The field of the event, or the notification whose level is needed.
        pattern: What the field must look like.
        is_: How many members the room must have, ``2`` or ``>10``; the JSON calls it ``is``.
        value: What the field must be or hold.
    """

    __slots__ = ()

    kind = one_of(PushConditionKind)
    key = text(str)
    pattern = text(str)
    is_ = text(str, "is")
    value = value()


class PushRule(View):
    """A push rule.

    Attributes:
        rule_id: Its ID, which is unique in its kind.
        actions: What it does: texts, and objects for tweaks.
        default: Whether the homeserver made it.
        enabled: Whether it counts.
        conditions: When it matches: all must be true.
        pattern: What the body of the message must look like, for rules of the kind ``content``.
    """

    __slots__ = ()

    rule_id = text(str)
    actions = items(object)
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


class PushRulesAccountDataEventContent(AccountDataEventContent):
    """The content of ``m.push_rules``.

    Attributes:
        global_rules: The rules, which the JSON calls ``global``.
    """

    __slots__ = ()

    global_rules = view(PushRuleset, "global")
