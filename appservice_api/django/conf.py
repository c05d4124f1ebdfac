"""The application service of a Django project, from its settings.

Either of::

    APPSERVICE = {"APP": "mybridge.matrix.app"}

    APPSERVICE = {"REGISTRATION": "registration.yaml", "BASE_URL": "http://localhost:8008"}

``APP`` names an :class:`~appservice_api.application.AppService`. In the second form, more keys
are arguments of :meth:`AppService.from_registration` in capitals (``SERVER_NAME``, ``MAX_BODY``);
the state store is in the project's default database.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils.module_loading import import_string

from ..application import AppService
from .signals import matrix_event

__all__ = ["appservice"]

_lock = threading.RLock()
_made: list[AppService] = []
# Application services whose events are signalled; after a change of the settings, the same one may
# be loaded again.
_signalling: WeakSet[AppService] = WeakSet()


def appservice() -> AppService:
    """The project's application service, made on first use.

    Raises:
        ImproperlyConfigured: The settings don't name one.
        RegistrationError: The registration can't be read, or isn't valid.
    """
    with _lock:
        if not _made:
            app = _load(getattr(settings, "APPSERVICE", None))
            if app not in _signalling:
                # Without receivers of the signal, this handler isn't called.
                app.receiver.handlers.listen("event", _send_signal, when=_has_receivers)
                app.receiver.units.default = unit_of_work
                _signalling.add(app)
            _made.append(app)
        return _made[0]


def _load(given: Any) -> AppService:
    keys = set(given) if isinstance(given, dict) else set()
    if keys == {"APP"}:
        app = import_string(given["APP"])
        if not isinstance(app, AppService):
            raise ImproperlyConfigured(f"{given['APP']} isn't an AppService, but {app!r}")
        return app
    if "APP" in keys or not keys >= {"REGISTRATION", "BASE_URL"}:
        raise ImproperlyConfigured(
            "the setting APPSERVICE must be a dict of either APP, or REGISTRATION and BASE_URL"
        )
    options = {key.lower(): value for key, value in given.items()}
    if "state_store" not in options:
        from .state_store import DjangoStateStore

        options["state_store"] = DjangoStateStore()
    return AppService.from_registration(**options)


@contextmanager
def unit_of_work() -> Iterator[None]:
    """The context of each attempt of a handler: a transaction in the project's default database,
    unless the state store is there, which begins one itself."""
    connection = connections[DEFAULT_DB_ALIAS]
    deliveries: Any = appservice().state_store.deliveries
    if connection.vendor == "unknown" or getattr(deliveries, "using", None) == DEFAULT_DB_ALIAS:
        yield
        return
    from .database import close_broken

    close_broken(DEFAULT_DB_ALIAS)
    with transaction.atomic(using=DEFAULT_DB_ALIAS):
        yield


def _has_receivers() -> bool:
    return bool(matrix_event.has_listeners(AppService))


def _send_signal(event: Any, app: AppService) -> None:
    matrix_event.send(sender=AppService, event=event, app=app)


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "APPSERVICE":
        with _lock:
            _made.clear()


setting_changed.connect(_forget)
