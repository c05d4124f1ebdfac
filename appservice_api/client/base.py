"""The base class of all chapters of the client: how a method makes its request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import FunctionType
from typing import TYPE_CHECKING, Any, TypeVar

from ..api.endpoint import Endpoint, Needs
from ..api.event import sent_kind
from ..api.options import OF_EVENTS, check_options
from ..api.speaker import Speaker
from ..api.txn_id import REPEATABLE, personal_id
from ..errors import MatrixError, MatrixRequestError, MatrixResponseError
from ..ids import UserID

__all__ = ["ClientMethods", "checked_choice"]

T = TypeVar("T")


_PACKAGE = f"{__package__.partition('.')[0]}."
# inspect.CO_VARKEYWORDS: the function has ``**kwargs``. Importing inspect takes long.
_VARKEYWORDS = 0x08


def checked_choice(name: str, value: str, *allowed: str) -> str:
    """The text of an argument, which must be one of the allowed values.

    Raises:
        ValueError: It isn't.
    """
    text = str(value)
    if text not in allowed:
        choices = " or ".join(map(repr, allowed))
        raise ValueError(f"{name} must be {choices}, not {text!r}")
    return text


def one_call(method: Callable[..., T]) -> Callable[..., T]:
    """Apply one deadline to everything that a method does: the deadline of the outermost call."""

    @wraps(method)
    def call(self: ClientMethods, /, *args: Any, **options: Any) -> T:
        calls, deadline = self.api._shared.calls, options.get("deadline")
        outer = calls.now
        if outer is not None and deadline is None:
            return method(self, *args, **options)
        calls.begin(deadline)
        try:
            return method(self, *args, **options)
        finally:
            calls.now = outer

    return call


class ClientMethods:
    """The base class of the chapters of the Client-Server API.

    Each public method of a chapter that takes options is one call, see :func:`one_call`. A chapter
    whose methods make one request each sets ``one_request=True``: then only :meth:`_call` begins a
    call, if that request needs others, and sending costs less.
    """

    __slots__ = ()
    api: Speaker

    def __init_subclass__(cls, *, one_request: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Methods of users' subclasses have no common deadline.
        if one_request or not cls.__module__.startswith(_PACKAGE):
            return
        for name, method in list(vars(cls).items()):
            if isinstance(method, FunctionType) and name[0] != "_" and _takes_options(method):
                setattr(cls, name, one_call(method))

    @property
    def mxid(self) -> UserID:
        """The user ID of the acting user; the homeserver is asked if it isn't known.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.
        """
        user = self.api.acting_user
        return user if user is not None else self._ask_own_id()

    def _waiting(self, milliseconds: int) -> tuple[float, float]:
        """The timeout of a request that lets the homeserver wait: longer by that time. The deadline
        of the call is extended, too, unless the caller set it."""
        seconds = milliseconds / 1000
        self.api._shared.calls.allow(seconds)
        connect, read = self.api._shared.timeout
        return connect, read + seconds

    def _field(self, endpoint: Endpoint, answer: Any, name: str, kind: type[T]) -> T:
        """The value of a required key of an answer.

        Raises:
            MatrixResponseError: It is missing or empty, or has another type.
        """
        value = answer.get(name) if isinstance(answer, dict) else None
        if isinstance(value, kind) and value != "":
            return value
        found = "it is a list" if isinstance(answer, list) else f"{name} is {value!r}"
        raise MatrixResponseError(
            f"the answer must have {name!r} of type {kind.__name__}, but {found}",
            method=endpoint.method,
            path=endpoint.template,
            user=self.api.acting_user,
        )

    def _object(self, endpoint: Endpoint, answer: Any) -> dict[str, Any]:
        """An answer that must be an object.

        Raises:
            MatrixResponseError: It is a list.
        """
        return self._field(endpoint, {"content": answer}, "content", dict)

    @property
    def _best_effort(self) -> Any:
        """The state store for results that the homeserver has confirmed: errors are only logged."""
        return self.api._shared.best_effort

    def _txn_id(self, given: str | None, target: tuple[object, ...], content: Any) -> str:
        """The transaction ID of a request.

        Args:
            given: The caller's, or None.
            target: The values of the path, without the ID.
            content: The content of the request.
        """
        if given is not None:
            return personal_id(given, self.api.acting_user)
        repeatable = REPEATABLE.get()
        if repeatable is None:
            return self.api.next_txn_id()
        made = repeatable.make(self.api.acting_user, target, content)
        return made if made is not None else self.api.next_txn_id()

    def _unmarked(
        self, call: Callable[[], T], find: Callable[[T], Iterable[Mapping[str, Any]]]
    ) -> T:
        """Make a request whose events can't have a mark. If this user's events are marked, the IDs
        of these events are noted, to recognize them when the homeserver pushes them.

        Args:
            call: Makes the request.
            find: Reads the events, given the answer; those that the user sent are noted. If it
                fails, that is only logged.
        """
        api = self.api
        if api._mark is None:
            return call()
        me, sent = self.mxid, api._shared.sent
        with sent.under_way(me):
            answer = call()
            try:
                found = [one.get("event_id") for one in find(answer) if one.get("sender") == me]
            except (MatrixError, ValueError) as error:
                api.log.warning("%s; what was sent as %s may be taken for that person's", error, me)
            else:
                sent.note_events(one for one in found if isinstance(one, str))
        return answer

    if TYPE_CHECKING:  # implemented by AccountMethods

        def _ask_own_id(self) -> UserID: ...

    def _call(
        self,
        endpoint: Endpoint,
        values: tuple[object, ...] = (),
        content: Any = None,
        options: Any = None,
        **more: Any,
    ) -> Any:
        """Make the request of an endpoint.

        Args:
            endpoint: The endpoint.
            values: The values of its path.
            content: The content of the request.
            options: The caller's CallOptions or EventOptions.
            more: Further arguments of ``Speaker._speak``.
        """
        if options:
            check_options(options)
            if not OF_EVENTS.isdisjoint(options):
                _check_event_options(endpoint, options)
        how = {**options, **more} if options else more
        if endpoint.once:
            how["repeatable"] = False
        path = endpoint.path(values)
        ensures = how.pop("ensure_joined", True)
        if endpoint.needs is Needs.NOTHING:
            return self._ask(endpoint, path, content, how)
        calls = self.api._shared.calls
        outer = calls.now
        try:
            return self._ensured(endpoint, values, path, content, how, ensures)
        finally:
            # A call was begun if more than one request was needed.
            calls.now = outer

    def _ensured(
        self,
        endpoint: Endpoint,
        values: tuple[object, ...],
        path: str,
        content: Any,
        how: dict[str, Any],
        ensures: bool,
    ) -> Any:
        """Make the request. With ``ensures``, intents override this to register and join."""
        return self._ask(endpoint, path, content, how)

    def _ask(self, endpoint: Endpoint, path: str, content: Any, how: dict[str, Any]) -> Any:
        try:
            return self.api._speak(endpoint.method, path, endpoint.template, content, **how)
        except MatrixRequestError as error:
            if error.repeated and error.errcode in endpoint.already:
                return {}
            raise


def _takes_options(method: FunctionType) -> bool:
    return bool(method.__code__.co_flags & _VARKEYWORDS)


def _check_event_options(endpoint: Endpoint, options: Mapping[str, Any]) -> None:
    """Refuse options of events that would be ignored.

    Raises:
        TypeError: The endpoint sends no event that could have a timestamp or a URL.
    """
    if sent_kind(endpoint.method, endpoint.template):
        return
    given = sorted(name for name in OF_EVENTS if options.get(name) is not None)
    if given:
        raise TypeError(
            f"{' and '.join(given)} can't be given here: only requests that send a message or a "
            "state event take them (for a membership: send_member_event())"
        )
