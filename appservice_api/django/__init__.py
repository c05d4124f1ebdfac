"""The Django app ``appservice_api.django``: a state store in a project's own database.

Add it to ``INSTALLED_APPS``, and run ``manage.py migrate``.
"""

from __future__ import annotations

from ..errors import MissingExtraError

try:
    import django  # noqa: F401
except ImportError as error:
    raise MissingExtraError("appservice_api.django", "django") from error
