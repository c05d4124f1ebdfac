"""Moderation policy lists. Spec: Client-Server API, "Moderation policy lists"."""

from __future__ import annotations

from .enumerations import PolicyRecommendation
from .event_content import StateEventContent
from .view import one_of, text

__all__ = ["PolicyRuleStateEventContent"]


class PolicyRuleStateEventContent(StateEventContent):
    """The content of ``m.policy.rule.user``, ``m.policy.rule.room`` and ``m.policy.rule.server``.

    Attributes:
        entity: A pattern of those that it is about.
        recommendation: What to do with them.
        reason: Why.
    """

    __slots__ = ()

    entity = text(str)
    recommendation = one_of(PolicyRecommendation)
    reason = text(str)
