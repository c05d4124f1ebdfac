"""Push rules: which events a user is notified of."""

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
    """The push rules of the acting user. The only scope is ``global``."""

    __slots__ = ()

    @RULESETS
    def get_push_rules(
        self, **options: Unpack[CallOptions]
    ) -> events.PushRulesAccountDataEventContent:
        """Get all push rules, by scope.

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
        """Get all push rules, by kind; see :meth:`get_push_rules`.

        Spec: Client-Server API, ``GET /pushrules/global/``.
        """
        return events.PushRuleset.read(self._call(RULESET, options=options))

    @GET_RULE
    def get_push_rule(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> events.PushRule:
        """Get a push rule.

        Args:
            scope: ``global``.
            kind: ``override``, ``content``, ``room``, ``sender`` or ``underride``.
            rule_id: The name of the rule; names of default rules begin with a dot.
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
                user, otherwise any text without slashes that doesn't begin with a dot.
            actions: What to do: ``notify``, or dicts with ``set_tweak`` and ``value``; an empty
                list for no notification.
            pattern: The glob that the body must match; for the kind ``content`` only.
            before: The rule directly after the new one, which is the first rule if neither
                ``before`` nor ``after`` is given.
            after: The rule directly before the new one.
            conditions: The conditions, all of which must be true; for the kinds ``override`` and
                ``underride`` only.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: An argument doesn't fit the kind.
            MUnknown: The rule ``before`` or ``after`` doesn't exist, or the homeserver can't use
                the rule (status 400).
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
            # An empty list means no conditions, too, and Synapse requires the key.
            content["conditions"] = _as_list(conditions or (), "conditions")
        query = {"before": before, "after": after}
        self._call(SET_RULE, place, content, options, query_params=query)

    @DELETE_RULE
    def remove_push_rule(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> None:
        """Remove a push rule; see :meth:`get_push_rule`. Default rules can't be removed,
        only disabled.

        Spec: Client-Server API, ``DELETE /pushrules/global/{kind}/{ruleId}``.
        """
        self._call(DELETE_RULE, _place(scope, kind, rule_id), options=options)

    @GET_ENABLED
    def is_push_rule_enabled(
        self, scope: str, kind: str, rule_id: str, **options: Unpack[CallOptions]
    ) -> bool:
        """Get whether a push rule is enabled; see :meth:`get_push_rule`.

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
        """Enable or disable a push rule; see :meth:`get_push_rule`.

        Args:
            scope, kind, rule_id: The rule.
            enabled: Whether it is enabled.
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
        """Get the actions of a push rule: texts and dicts; see :meth:`get_push_rule`.

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
        """Change the actions of a push rule, which may be a default rule; see
        :meth:`get_push_rule`.

        Args:
            scope, kind, rule_id: The rule.
            actions: See :meth:`set_push_rule`.
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
    """Check the name of a rule before it is set.

    Raises:
        ValueError: The name isn't allowed, or a rule with it would never match.
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
