"""What an API requests, seen on its way."""

from __future__ import annotations

from appservice_api import AppServiceAPI

__all__ = ["count_requests"]


def count_requests(api: AppServiceAPI) -> list[tuple[str, str]]:
    """A list that grows by (method, URL) with every request of the API."""
    seen: list[tuple[str, str]] = []

    def note(response: object, **_: object) -> None:
        request = response.request  # type: ignore[attr-defined]
        seen.append((request.method, request.url))

    api.session.hooks["response"].append(note)
    return seen
