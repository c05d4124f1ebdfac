"""Questions: what the homeserver wants to know of users, rooms and third-party networks.

Spec: Application Service API, "Querying" and "Third-party networks".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..errors import MatrixRequestError, MRoomInUse
from .dispatch import Dispatch
from .request import Answer

if TYPE_CHECKING:
    from ..application import AppService
    from ..intent import IntentAPI

__all__ = ["Questions"]

_PROTOCOL: dict[str, Any] = {
    "user_fields": [], "location_fields": [], "icon": "", "field_types": {}, "instances": [],
}  # fmt: skip
# What the lookups without a protocol are asked for, and the name of it in the query.
_REVERSE = {"user": ("user_id", "userid"), "location": ("alias", "alias")}


class Questions:
    """Answers questions by asking the handlers.

    Args:
        app: The application service.
        dispatch: Its handlers.
    """

    def __init__(self, app: AppService, dispatch: Dispatch) -> None:
        self._app = app
        self._dispatch = dispatch

    def ask(self, route: str, name: str | None, given: dict[str, Any]) -> Answer | None:
        """Answer a question.

        Args:
            route: Which one.
            name: What the path names.
            given: The query, or the body.

        Returns:
            The answer; None if there is no handler, or nothing to tell.
        """
        try:
            if route == "user_query":
                return self._user(name or "")
            if route == "alias_query":
                return self._alias(name or "")
            if route in _REVERSE:
                return self._look_up(route, name, given)
            values = {"protocol": name} if route == "protocol" else {"content": given}
            found = self._first(route, name, **values)
        except Exception as error:
            self._dispatch.tell(error)
            raise
        if not isinstance(found, Mapping):
            return None
        return Answer(200, {**_PROTOCOL, **found} if route == "protocol" else dict(found))

    def _first(self, kind: str, name: str | None = None, **given: Any) -> Any:
        """What the first handler says that says anything."""
        values = self._dispatch.values(**given)
        for handler in self._dispatch.handlers(kind, name):
            found = self._dispatch.ask(handler, values)
            if found is not None and found is not False:
                return found
        return None

    def _user(self, user_id: str) -> Answer | None:
        if not self._app.registration.owns_user(user_id):
            return None
        try:
            ghost = self._app.api.intent(user_id)
        except ValueError:
            return None
        return self._once("user_query", user_id, lambda: self._make_user(user_id, ghost))

    def _make_user(self, user_id: str, ghost: IntentAPI) -> Answer | None:
        found = self._first("user_query", user_id=user_id, ghost=ghost)
        if found is None:
            return None
        if isinstance(found, Mapping):
            _check(found, {"displayname", "avatar_url"}, "user query")
            ghost.ensure_registered()
            if found.get("displayname") is not None:
                ghost.set_displayname(found["displayname"])
            if found.get("avatar_url") is not None:
                ghost.set_avatar_url(found["avatar_url"])
        return Answer(200)

    def _alias(self, alias: str) -> Answer | None:
        if not self._app.registration.owns_alias(alias):
            return None
        return self._once("alias_query", alias, lambda: self._make_room(alias))

    def _make_room(self, alias: str) -> Answer | None:
        try:
            found = self._first("alias_query", alias=alias)
            if found is None:
                return None
            if isinstance(found, Mapping):
                localpart = alias[1:].partition(":")[0]
                self._app.bot.create_room(**{**found, "alias_localpart": localpart})
        except MatrixRequestError as refused:
            # Another process, asked at the same time, has made it; it is looked up again.
            if not isinstance(refused, MRoomInUse) and refused.http_status != HTTPStatus.CONFLICT:
                raise
        return Answer(200)

    def _once(self, kind: str, name: str, make: Callable[[], Answer | None]) -> Answer | None:
        """Have something made once, however many people want it at the same time: the homeserver
        asks for each of them."""
        return self._app.api._shared.flights.run((kind, name), make)

    def _look_up(self, route: str, protocol: str | None, given: dict[str, Any]) -> Answer | None:
        asked, parameter = _REVERSE[route]
        fields = given if protocol is not None else None
        one = given.get(parameter) if protocol is None else None
        values = self._dispatch.values(protocol=protocol, fields=fields, **{asked: one})
        handlers = self._dispatch.handlers(route, protocol)
        answers = [self._dispatch.ask(handler, values) for handler in handlers]
        told = [answer for answer in answers if answer is not None]
        if not told:
            return None
        return Answer(200, [dict(one) for answer in told for one in answer])


def _check(found: Mapping[str, Any], known: set[str], what: str) -> None:
    unknown = found.keys() - known
    if unknown:
        raise ValueError(
            f"the answer to a {what} can't have {', '.join(sorted(map(str, unknown)))}"
        )
