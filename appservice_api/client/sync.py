"""Synchronising: what has happened since a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import BasicOptions
from ..compat import Unpack
from ..events.content import content_of
from .base import ClientMethods

__all__ = ["SyncMethods"]

SYNC = Endpoint("GET", "/_matrix/client/v3/sync", Needs.REGISTERED)


class SyncMethods(ClientMethods):
    """Asking what has happened. What an application service is told by transactions needs no
    sync; other users' events do."""

    __slots__ = ()

    @SYNC
    def sync(
        self,
        since: str | None = None,
        timeout: int = 30_000,
        filter_id: str | Mapping[str, Any] | None = None,
        full_state: bool = False,
        set_presence: str | None = None,
        *,
        use_state_after: bool = False,
        **options: Unpack[BasicOptions],
    ) -> answers.SyncResponse:
        """Ask what has happened since a moment, and wait if nothing has.

        Args:
            since: The ``next_batch`` of the last answer; None for the present state of all.
            timeout: How many milliseconds the homeserver may wait for something to happen; 0 for
                none. The network's own time to read an answer comes on top.
            filter_id: The ID of a filter, or a :class:`Filter`, as a dict or as JSON.
            full_state: Whether the whole state of all rooms is given.
            set_presence: What the user becomes by asking: ``online`` if None, ``offline`` for no
                change, ``unavailable``.
            use_state_after: Whether changes of state are given as they are after the timeline.
            options: See :class:`BasicOptions`. Without a ``deadline``, the usual one is longer by
                ``timeout``.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached. Synapse answers 500 to the
                bot of an application service, always; ghosts may ask.

        Spec: Client-Server API, ``GET /sync``.
        """
        if not isinstance(timeout, int) or isinstance(timeout, bool) or timeout < 0:
            raise ValueError(f"timeout must be int milliseconds, 0 or more, not {timeout!r}")
        if filter_id is not None and not isinstance(filter_id, str):
            filter_id = json.dumps(content_of(filter_id, "the filter"))
        query = {
            "since": since, "timeout": timeout, "filter": filter_id,
            "full_state": full_state or None, "set_presence": set_presence,
            "use_state_after": use_state_after or None,
        }  # fmt: skip
        answer = self._call(
            SYNC, (), options=options, query_params=query, timeout=self._waiting(timeout)
        )
        self._field(SYNC, answer, "next_batch", str)
        return answers.SyncResponse.read(answer)
