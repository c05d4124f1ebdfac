"""Queries: what the homeserver asks about users, rooms and third-party networks.

Spec: Application Service API, "Querying" and "Third-party networks".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from ..appservice import AppServiceAPI
from ..errors import MatrixRequestError, MRoomInUse
from ..ids import RoomAlias, UserID
from ..intent import IntentAPI
from ..registration import Registration
from .dispatch import Dispatch
from .handlers import Handlers
from .http import Response
from .runtime import Runtime
from .watch import Query

__all__ = ["Queries"]

_PROTOCOL: dict[str, Any] = {
    "user_fields": [], "location_fields": [], "icon": "", "field_types": {}, "instances": [],
}  # fmt: skip
# What is looked up without a protocol, and its name in the query string.
_REVERSE = {"user": ("user_id", "userid"), "location": ("alias", "alias")}


class Queries:
    """Responds to queries by calling their handlers."""

    def __init__(
        self, registration: Registration, api: AppServiceAPI, handlers: Handlers,
        dispatch: Dispatch, runtime: Runtime,
    ) -> None:  # fmt: skip
        self._registration = registration
        self._api = api
        self._bot = api.bot_intent()
        self._handlers = handlers
        self._dispatch = dispatch
        self._runtime = runtime

    def respond(self, route: str, name: str | None, given: dict[str, Any]) -> Response | None:
        """Respond to a query.

        Args:
            route: The name of its route.
            name: What the path names.
            given: The parameters of the query string, or the body.

        Returns:
            The response; None if there is no handler, or none knows anything.
        """
        with self._dispatch.watch.handling(Query(route, name)):
            try:
                return self._respond(route, name, given)
            except Exception as error:
                self._dispatch.report(error)
                raise

    def _respond(self, route: str, name: str | None, given: dict[str, Any]) -> Response | None:
        if route == "user_query":
            return self._user(name or "")
        if route == "alias_query":
            return self._alias(name or "")
        if route in _REVERSE:
            return self._look_up(route, name, given)
        values = {"protocol": name} if route == "protocol" else {"content": given}
        found = self._first(route, name, **values)
        if not isinstance(found, Mapping):
            return None
        return Response(200, {**_PROTOCOL, **found} if route == "protocol" else dict(found))

    def _first(self, kind: str, name: str | None = None, **given: Any) -> Any:
        """What the first handler returns that returns anything."""
        values = self._dispatch.values(**given)
        for handler in self._handlers.of(kind, name):
            found = self._dispatch.query(handler, values)
            if found is not None and found is not False:
                return found
        return None

    def _user(self, user_id: str) -> Response | None:
        if not self._registration.owns_user(user_id):
            return None
        try:
            ghost = self._api.intent(user_id)
        except ValueError:
            return None
        return self._once("user_query", user_id, lambda: self._make_user(user_id, ghost))

    def _make_user(self, user_id: str, ghost: IntentAPI) -> Response | None:
        found = self._first("user_query", user_id=UserID.read(user_id), ghost=ghost)
        if found is None:
            return None
        if isinstance(found, Mapping):
            _check(found, {"displayname", "avatar_url"}, "user query")
            ghost.ensure_registered()
            if found.get("displayname") is not None:
                ghost.set_displayname(found["displayname"])
            if found.get("avatar_url") is not None:
                ghost.set_avatar_url(found["avatar_url"])
        return Response(200)

    def _alias(self, alias: str) -> Response | None:
        if not self._registration.owns_alias(alias):
            return None
        return self._once("alias_query", alias, lambda: self._make_room(alias))

    def _make_room(self, alias: str) -> Response | None:
        try:
            found = self._first("alias_query", alias=RoomAlias.read(alias))
            if found is None:
                return None
            if isinstance(found, Mapping):
                localpart = alias[1:].partition(":")[0]
                self._bot.create_room(**{**found, "alias_localpart": localpart})
        except MatrixRequestError as refused:
            # Another process, asked at the same time, has made it; it is looked up again.
            if not isinstance(refused, MRoomInUse) and refused.http_status != HTTPStatus.CONFLICT:
                raise
        return Response(200)

    def _once(self, kind: str, name: str, make: Callable[[], Response | None]) -> Response | None:
        """Have something made once, however many people want it at the same time: the homeserver
        queries for each of them."""
        return self._runtime.flights.run((kind, name), make)

    def _look_up(self, route: str, protocol: str | None, given: dict[str, Any]) -> Response | None:
        asked, parameter = _REVERSE[route]
        fields = given if protocol is not None else None
        one = given.get(parameter) if protocol is None else None
        values = self._dispatch.values(protocol=protocol, fields=fields, **{asked: one})
        handlers = self._handlers.of(route, protocol)
        results = [self._dispatch.query(handler, values) for handler in handlers]
        found = [result for result in results if result is not None]
        if not found:
            return None
        return Response(200, [dict(one) for result in found for one in result])


def _check(found: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = found.keys() - known
    if unknown:
        raise ValueError(
            f"the result of a {what} can't have {', '.join(sorted(map(str, unknown)))}"
        )
