"""The URLs of the Django site of the tests."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

__all__ = ["urlpatterns"]


def form(request: HttpRequest) -> HttpResponse:
    """A page of the site's own."""
    return HttpResponse(f"{len(request.body)} bytes")


urlpatterns = [path("bridge/", include("appservice_api.django.urls")), path("form", form)]
