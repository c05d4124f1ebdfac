"""Push rules: what a user is notified of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .. import events
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..ids import RoomID, UserID
from .base import ClientMethods

__all__ = ["PushRuleMethods"]

_ALL = "/_matrix/client/v3/pushrules/"
_RULE = _ALL + "global/{kind}/{ruleId}"
RULESETS = Endpoint("GET", _ALL, Needs.REGISTERED)
RULESET = Endpoint("GET", _ALL + "global/", Needs.REGISTERED)
GET_RULE = Endpoint("GET", _RULE, Needs.REGISTERED)
SET_RULE = Endpoint("PUT", _RULE, Needs.REGISTERED)
DELETE_RULE = Endpoint("DELETE", _RULE, Needs.REGISTERED, already=("M_NOT_FOUND",))
GET_ENABLED = Endpoint("GET", _RULE + "/enabled", Needs.REGISTERED)
SET_ENABLED = Endpoint("PUT", _RULE + "/enabled", Needs.REGISTERED)
GET_ACTIONS = Endpoint("GET", _RULE + "/actions", Needs.REGISTERED)
SET_ACTIONS = Endpoint("PUT", _RULE + "/actions", Needs.REGISTERED)

_KINDS: Final = ("override", "content", "room", "sender", "underride")
_WITH_CONDITIONS: Final = ("override", "underride")
_WHAT_IDS_ARE: Final = {"room": RoomID, "sender": UserID}


class PushRuleMethods(ClientMethods):
    """The push rules of the acting user. ``global`` is the only scope that there is."""

    __slots__ = ()

    @RULESETS
    def get_push_rules(
        self, **options: Unpack[CallOptions]
    ) -> events.PushRulesAccountDataEventContent:
        """All push rules, by scope.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``global_``, the only scope.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /pushrules/``.
        """
        answer = self._call(RULESETS, options=options)
        self._field(RULESETS, answer, "global", dict)
        return events.PushRulesAccountDataEventContent.read(answer)

    @RULESET
    def get_push_rules_global(self, **options: Unpack[CallOptions]) -> events.PushRuleset:
        """All push rules, by kind; as :meth:`get_push_rules`.

        Spec: Client-Server API, ``GET /pushrules/global/``.
        """
        return events.PushRuleset.read(self._call(RULESET, options=options))

    @GET_RULE
    def get_push_rule(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> events.PushRule:
        """A push rule.

        Args:
            scope: ``global``.
            kind: ``override``, ``content``, ``room``, ``sender`` or ``underride``.
            rule_id: The name of the rule; the homeserver's own begin with a dot.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: There is no such scope or kind.
            MNotFound: There is no such rule.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /pushrules/global/{kind}/{ruleId}``.
        """
        answer = self._call(GET_RULE, _place(scope, kind, rule_id), options=options)
        return events.PushRule.read(answer)

    @SET_RULE
    def set_push_rule(
        self,
        scope: str,
        kind: str,
        rule_id: str,
        actions: Iterable[str | Mapping[str, Any]],
        pattern: str | None = None,
        before: str | None = None,
        after: str | None = None,
        conditions: Iterable[Mapping[str, Any]] | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Add a push rule, or change one.

        Args:
            scope: ``global``.
            kind: ``override``, ``content``, ``room``, ``sender`` or ``underride``.
            rule_id: The name of the rule: for the kinds ``room`` and ``sender`` the room or the
                user, else anything without slashes that doesn't begin with a dot.
            actions: What to do: ``notify``, or dicts with ``set_tweak`` and ``value``; nothing
                of it to be silent.
            pattern: The glob that the body must match; for the kind ``content`` only.
            before: The rule that it is to stand right above; the first place if neither it nor
                ``after`` is given.
            after: The rule that it is to stand right below.
            conditions: What must be true, all of it; for the kinds ``override`` and
                ``underride`` only.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: An argument doesn't fit the kind.
            MUnknown: There is no rule ``before`` or ``after``, or the homeserver can't use the
                rule (status 400).
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /pushrules/global/{kind}/{ruleId}``.
        """
        place = _place(scope, kind, rule_id)
        _check_new(str(kind), rule_id)
        content: dict[str, Any] = {"actions": _as_list(actions, "actions")}
        if pattern is not None and kind != "content":
            raise ValueError(f"a rule of the kind {kind} has no pattern")
        if conditions is not None and kind not in _WITH_CONDITIONS:
            raise ValueError(f"a rule of the kind {kind} has no conditions")
        if pattern is not None:
            content["pattern"] = pattern
        if kind in _WITH_CONDITIONS:
            # None at all means the same as leaving them out, which Synapse doesn't take.
            content["conditions"] = _as_list(conditions or (), "conditions")
        query = {"before": before, "after": after}
        self._call(SET_RULE, place, content, options, query_params=query)

    @DELETE_RULE
    def remove_push_rule(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> None:
        """Remove a push rule; as :meth:`get_push_rule`. The homeserver's own can't be removed,
        only disabled.

        Spec: Client-Server API, ``DELETE /pushrules/global/{kind}/{ruleId}``.
        """
        self._call(DELETE_RULE, _place(scope, kind, rule_id), options=options)

    @GET_ENABLED
    def is_push_rule_enabled(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> bool:
        """Tell whether a push rule counts; as :meth:`get_push_rule`.

        Spec: Client-Server API, ``GET /pushrules/global/{kind}/{ruleId}/enabled``.
        """
        answer = self._call(GET_ENABLED, _place(scope, kind, rule_id), options=options)
        return self._field(GET_ENABLED, answer, "enabled", bool)

    @SET_ENABLED
    def set_push_rule_enabled(
        self,
        scope: str,
        kind: str,
        rule_id: str,
        enabled: bool = True,
        **options: Unpack[CallOptions],
    ) -> None:
        """Let a push rule count, or not; as :meth:`get_push_rule`.

        Args:
            scope, kind, rule_id: The rule.
            enabled: Whether it shall count.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``PUT /pushrules/global/{kind}/{ruleId}/enabled``.
        """
        if not isinstance(enabled, bool):
            raise ValueError(f"enabled must be True or False, not {enabled!r}")
        place = _place(scope, kind, rule_id)
        self._call(SET_ENABLED, place, {"enabled": enabled}, options)

    @GET_ACTIONS
    def get_push_rule_actions(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> list[Any]:
        """What a push rule does: texts and dicts; as :meth:`get_push_rule`.

        Spec: Client-Server API, ``GET /pushrules/global/{kind}/{ruleId}/actions``.
        """
        answer = self._call(GET_ACTIONS, _place(scope, kind, rule_id), options=options)
        return self._field(GET_ACTIONS, answer, "actions", list)

    @SET_ACTIONS
    def set_push_rule_actions(
        self,
        scope: str,
        kind: str,
        rule_id: str,
        actions: Iterable[str | Mapping[str, Any]],
        **options: Unpack[CallOptions],
    ) -> None:
        """Change what a push rule does, one of the homeserver's own as well; as
        :meth:`get_push_rule`.

        Args:
            scope, kind, rule_id: The rule.
            actions: As for :meth:`set_push_rule`.
            options: See :class:`CallOptions`.

        Spec: Client-Server API, ``PUT /pushrules/global/{kind}/{ruleId}/actions``.
        """
        content = {"actions": _as_list(actions, "actions")}
        self._call(SET_ACTIONS, _place(scope, kind, rule_id), content, options)


def _place(scope: str, kind: str, rule_id: str) -> tuple[str, str]:
    """The values of a rule's path.

    Raises:
        ValueError: There is no such scope or kind.
    """
    if scope != "global":
        raise ValueError(f"the scope of push rules is 'global', and can't be {scope!r}")
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is no kind of push rule; there are {', '.join(_KINDS)}")
    return str(kind), rule_id


def _check_new(kind: str, rule_id: str) -> None:
    """Look at the name of a rule that is to be set.

    Raises:
        ValueError: No rule may be called so, or none so called would ever fit.
    """
    if kind in _WHAT_IDS_ARE:
        _WHAT_IDS_ARE[kind](rule_id)
    elif isinstance(rule_id, str) and (rule_id[:1] == "." or "/" in rule_id or "\\" in rule_id):
        raise ValueError(
            f"{rule_id!r} can't name a rule: names must not hold slashes, and those with a dot "
            "in front are the homeserver's"
        )


def _as_list(given: Any, what: str) -> list[Any]:
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        raise ValueError(f"{what} must be a list, not {given!r}")
    return list(given)
