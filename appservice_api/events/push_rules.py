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
    """A condition of a push rule.

    Attributes:
        kind: The kind of condition.
        key: The field of the event, or the kind of notification whose level is needed.
        pattern: The pattern that the field must match.
        is_: The number of members, for example ``2`` or ``>10``; the JSON key is ``is``.
        value: The value that the field must be or contain.
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
        rule_id: The ID, unique among rules of the same kind.
        actions: The actions: texts, and objects for tweaks.
        default: Whether it is a default rule of the homeserver.
        enabled: Whether it is enabled.
        conditions: The conditions, all of which must be true.
        pattern: The pattern for the body of a message, for rules of the kind ``content``.
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
                # A highlight without a value means true.
                return action.get("value", True if name == "highlight" else None)
        return None


class PushRuleset(View):
    """The push rules of a user. The kinds are evaluated in this order, and the first rule that
    matches applies.

    Attributes:
        override: Rules with conditions and the highest priority.
        content: Rules for the body of messages.
        room: Rules for rooms; ``rule_id`` is the room.
        sender: Rules for senders; ``rule_id`` is the user.
        underride: Rules with conditions and the lowest priority.
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
        global_rules: The rules; the JSON key is ``global``.
    """

    __slots__ = ()

    global_rules = view(PushRuleset, "global")
