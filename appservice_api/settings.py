"""Settings of a script or command: from options, the environment or a registration file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Settings"]

_PREFIX = "APPSERVICE_"


class Settings(NamedTuple):
    """The settings that an API is made from.

    Attributes:
        base_url: The URL of the homeserver.
        registration: The path of the registration file.
        token: The ``as_token``, if there is no registration file.
        bot_mxid: The user ID of the bot, if the registration doesn't imply it.
        server_name: The name of the homeserver, if the registration doesn't imply it.
        device_id: The device to act as.
        state_store: The URL of the state store's database.
    """

    base_url: str | None = None
    registration: str | None = None
    token: str | None = None
    bot_mxid: str | None = None
    server_name: str | None = None
    device_id: str | None = None
    state_store: str | None = None

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name, value in self._asdict().items()
                 if value is not None and name not in ("token", "state_store")]  # fmt: skip
        return f"Settings({', '.join(shown)})"

    @classmethod
    def of(cls, environ: Mapping[str, str], **given: str | None) -> Settings:
        """The settings of environment variables, ``APPSERVICE_BASE_URL`` and so on.

        Args:
            environ: The environment.
            given: Settings that take precedence.
        """
        values = {name: environ.get(_PREFIX + name.upper()) or None for name in cls._fields}
        return cls(**{**values, **{name: value for name, value in given.items() if value}})
