"""The URLs of the Django site of the tests."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from appservice_api import MatrixError

from . import project

__all__ = ["urlpatterns"]


def form(request: HttpRequest) -> HttpResponse:
    """A page of the site's own."""
    return HttpResponse(f"{len(request.body)} bytes")


def say(request: HttpRequest) -> HttpResponse:
    """A page that has a ghost say something, and doesn't wait for it for long."""
    ghost = project.app.api.intent(request.GET["ghost"])
    try:
        return HttpResponse(ghost.send_text(request.GET["room"], "hi", deadline=0.5))
    except MatrixError as error:
        return HttpResponse(str(error), status=503)


urlpatterns = [
    path("bridge/", include("appservice_api.django.urls")),
    path("form", form),
    path("say", say),
]
