"""Filters: stored on the homeserver, for ``sync``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..events.content import content_of
from .base import ClientMethods

__all__ = ["FilterMethods"]

_FILTER = "/_matrix/client/v3/user/{userId}/filter"
CREATE_FILTER = Endpoint("POST", _FILTER, Needs.REGISTERED)
GET_FILTER = Endpoint("GET", _FILTER + "/{filterId}", Needs.REGISTERED)


class FilterMethods(ClientMethods):
    """Storing filters on the homeserver."""

    __slots__ = ()

    @GET_FILTER
    def get_filter(self, filter_id: str, **options: Unpack[CallOptions]) -> answers.Filter:
        """Read one of the user's filters.

        Args:
            filter_id: The filter.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: There is no such filter.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /user/{userId}/filter/{filterId}``.
        """
        return answers.Filter.read(self._call(GET_FILTER, (self.mxid, filter_id), options=options))

    @CREATE_FILTER
    def create_filter(
        self, filter_params: Mapping[str, Any], **options: Unpack[CallOptions]
    ) -> str:
        """Store a filter, to use it by its ID.

        Args:
            filter_params: A :class:`Filter`, or a dict; it isn't changed.
            options: See :class:`CallOptions`.

        Returns:
            The filter's ID.

        Raises:
            ValueError: The filter isn't a dict.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``POST /user/{userId}/filter``.
        """
        content = content_of(filter_params, "the filter")
        answer = self._call(CREATE_FILTER, (self.mxid,), content, options)
        return self._field(CREATE_FILTER, answer, "filter_id", str)
