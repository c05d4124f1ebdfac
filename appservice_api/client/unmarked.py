"""Requests that send events into which no mark can be put."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ..errors import MatrixError
from .base import CallOptions, ClientMethods, patience_of

__all__ = ["quiet", "unmarked"]

T = TypeVar("T")


def unmarked(
    client: ClientMethods, call: Callable[[], T], find: Callable[[T], Iterable[Mapping[str, Any]]]
) -> T:
    """Make such a request and, if it is made as a person, have its events known again when the
    homeserver pushes them.

    Args:
        client: Who speaks.
        call: Makes the request.
        find: Asks for events, given the answer; those that the user sent are noted. The request
            is made, whether or not that fails.
    """
    api = client.api
    if api._mark is None:
        return call()
    me, sent = client.mxid, api._shared.sent
    with sent.under_way(me):
        answer = call()
        try:
            found = [one.get("event_id") for one in find(answer) if one.get("sender") == me]
        except (MatrixError, ValueError) as error:
            api.log.warning("%s; what was sent as %s may be taken for that person's", error, me)
        else:
            sent.note_events(one for one in found if isinstance(one, str))
    return answer


def quiet(options: CallOptions) -> CallOptions:
    """The options of what is only asked."""
    found: Any = {**patience_of(options), "ensure_joined": False}
    return found  # type: ignore[no-any-return]
