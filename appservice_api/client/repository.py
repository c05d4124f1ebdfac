"""The media repository: which of its endpoints a homeserver has, and its upload limit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import answers, errors
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions, retry_options
from ..compat import Unpack
from ..errors import MatrixError, MatrixRequestError
from .base import ClientMethods

__all__ = ["Repository"]

CONFIG = Endpoint("GET", "/_matrix/client/v1/media/config", Needs.REGISTERED)
OLD_CONFIG = Endpoint("GET", "/_matrix/media/v3/config", Needs.REGISTERED)

# Since this version all media endpoints except uploads have authenticated replacements.
_AUTHENTICATED = (1, 11)
_VERSION = r"v(\d{1,9})\.(\d{1,9})\Z"


class Repository(ClientMethods):
    """The common base of uploads and downloads."""

    __slots__ = ()

    @CONFIG
    def get_media_repo_config(self, **options: Unpack[CallOptions]) -> answers.MediaRepoConfig:
        """Get the configuration of the media repository.

        Args:
            options: See :class:`CallOptions`.

        Returns:
            ``upload_size`` in bytes, None if the homeserver doesn't report it. A proxy in front of
            it may have a lower limit.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /_matrix/client/v1/media/config``.
        """
        answer = self._either(CONFIG, OLD_CONFIG, (), {}, options)
        return answers.MediaRepoConfig(answer if isinstance(answer, dict) else {})

    def _upload_limit(
        self, options: CallOptions, oldest: float, sharers: tuple[str, ...] = ()
    ) -> int | None:
        """The upload limit in bytes, None if it isn't known. The answer to one user is used for
        all; an error is only logged.

        Args:
            options: The caller's options.
            oldest: How many seconds a known answer may be used.
            sharers: The key of those who share one request; empty for all users.
        """
        api, limits = self.api, self.api._shared.upload_limits
        key = api._access.base_url
        now = api._shared.clock.monotonic()
        known = limits.get(key)
        if known is not None and now - known[0] <= oldest:
            return known[1]
        once: Any = {**options, "retry_count": 0}

        def ask() -> int | None:
            return self.get_media_repo_config(**once).upload_size

        try:
            size = api._shared.flights.run(("media config", key, *sharers), ask)
        except MatrixError as error:
            api.log.debug("the upload limit isn't known: %s", error)
            # A refusal may concern this user only; a missing endpoint concerns all.
            if not isinstance(error, MatrixRequestError) or not _unknown(error):
                return None
            size = None
        limits[key] = now, size
        return size

    def _either(
        self,
        new: Endpoint,
        old: Endpoint,
        values: tuple[object, ...],
        params: Mapping[str, Any],
        options: CallOptions,
        old_params: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Any:
        """Use an authenticated endpoint, or the old one if the homeserver doesn't have it.

        Args:
            new: The endpoint.
            old: The old one.
            values: The values of their paths.
            params: Query parameters.
            options: The caller's options.
            old_params: More query parameters, for the old endpoint only.
            more: Further arguments of :meth:`_call`.
        """
        ways = [(new, params), (old, {**params, **(old_params or {})})]
        if not self._has_authenticated(options):
            ways.reverse()
        try:
            return self._call(ways[0][0], values, None, options, query_params=ways[0][1], **more)
        except MatrixRequestError as error:
            if not _unknown(error):
                raise
            unknown = error
        try:
            return self._call(ways[1][0], values, None, options, query_params=ways[1][1], **more)
        except MatrixRequestError as error:
            if _unknown(error):
                raise unknown from None
            raise

    def _has_authenticated(self, options: CallOptions) -> bool:
        """Whether the homeserver's versions have authenticated media; true if they can't be
        read."""
        who: Any = self  # implemented by AccountMethods
        retry = retry_options(options)
        try:
            versions = who.versions(**retry).get("versions")
        except MatrixRequestError:
            return True
        listed = versions if isinstance(versions, list) else ()
        found = [re.match(_VERSION, one) for one in listed if isinstance(one, str)]
        return any(one and (int(one[1]), int(one[2])) >= _AUTHENTICATED for one in found)


def _unknown(error: MatrixRequestError) -> bool:
    """Whether a homeserver doesn't know an endpoint; old ones send no errcode then."""
    if isinstance(error, errors.MUnrecognized):
        return True
    return error.errcode is None and error.http_status in (404, 405) and not error.context
