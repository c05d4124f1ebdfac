"""Sync: the events since an earlier sync."""

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
    """Reading new events of a user. Events that an application service gets in transactions need
    no sync; those of other users do."""

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
        """Get the events since an earlier sync, and wait if there are none.

        Args:
            since: The ``next_batch`` of the last answer; None for the present state of all rooms.
            timeout: How many milliseconds the homeserver may wait for events; 0 for no wait. It is
                added to the timeout for reading the answer.
            filter_id: The ID of a filter, or a :class:`Filter`, as a dict or as JSON.
            full_state: Whether to return the whole state of all rooms.
            set_presence: The user's presence after the request: ``online`` if None, ``offline`` for
                no change, ``unavailable``.
            use_state_after: Whether to return the state changes up to the timeline's end.
            options: See :class:`BasicOptions`. Without a ``deadline``, the default one is extended
                by ``timeout``.

        Raises:
            ValueError: An argument can't be used.
            MatrixError: The homeserver refused, or couldn't be reached. Synapse always answers the
                bot of an application service with status 500; ghosts may sync.

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
