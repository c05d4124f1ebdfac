"""The URLs for the homeserver: ``path("bridge/", include("appservice_api.django.urls"))``.

The ``url`` of the registration is then that of the site followed by ``/bridge``. Without a prefix,
``users/`` and ``rooms/`` are used, too, for old homeservers: list the site's own pages first.
"""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import re_path

from ..receiver.binding import PAGES, TREES
from .views import receive

__all__ = ["app_name", "urlpatterns"]

if not apps.is_installed("appservice_api.django"):
    raise ImproperlyConfigured("add 'appservice_api.django' to INSTALLED_APPS")

app_name = "appservice_api"
# A user ID may hold a slash; other clients than the homeserver may send a line feed.
_TREES = "|".join(path[1:] for path in TREES)
_PAGES = "|".join(path[1:] for path in PAGES)

urlpatterns = [re_path(rf"^(?P<path>(?:{_TREES})/(?s:.+)|{_PAGES})$", receive, name="receive")]
