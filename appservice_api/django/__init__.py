"""The Django app ``appservice_api.django``: an application service in a project.

Add it to ``INSTALLED_APPS``, and run ``manage.py migrate``: there is a state store in the project's
own database. With the setting ``APPSERVICE`` (:mod:`.conf`) and ``appservice_api.django.urls``, the
site receives what the homeserver sends.
"""

from __future__ import annotations

from ..errors import MissingExtraError

try:
    import django  # noqa: F401
except ImportError as error:
    raise MissingExtraError("appservice_api.django", "django") from error
