"""The view that receives what the homeserver sends."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from ..receiver.binding import serve
from .conf import appservice

__all__ = ["receive"]


def _receive(request: HttpRequest, path: str) -> HttpResponse:
    """Respond to the homeserver.

    The body is read from the request itself: ``request.body`` would refuse what is larger than
    ``DATA_UPLOAD_MAX_MEMORY_SIZE``, which still applies to the other views.
    """

    def read(size: int) -> bytes:
        try:
            data: bytes = request.read(size)
        except OSError:  # the homeserver has disconnected
            return b""
        return data

    response = serve(
        appservice().receiver, request.method, quote(f"/{path}"),
        request.META.get("QUERY_STRING", ""),
        request.headers, read,
    )  # fmt: skip
    return HttpResponse(response.data, status=response.status, headers=response.headers)


def _outside_transactions(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Run a view outside of transactions: a later failure must not undo what was handled."""
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


receive = _outside_transactions(csrf_exempt(_receive))
# The homeserver shows its token; LoginRequiredMiddleware of Django 5.1 knows users only.
setattr(receive, "login_required", False)  # noqa: B010 - to checkers it is just callable
