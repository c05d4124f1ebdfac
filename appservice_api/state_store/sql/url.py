"""Database URLs: which are supported, and how they are shown, without their secrets."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

__all__ = ["LOOKS", "read_url", "shown"]

_DIALECTS = ("sqlite", "postgresql")
#: What a URL must look like.
LOOKS = "it must look like 'sqlite:///state.db' or 'postgresql+psycopg://user@host/name'"


def read_url(url: str) -> URL:
    """A database URL, with its driver.

    Raises:
        ValueError: It isn't one, or its kind isn't supported. Nothing of it is shown.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Python's own message would show a part of the URL that was read as the port.
        raise ValueError(f"the state store's URL can't be read: {LOOKS}") from None
    backend = parsed.get_backend_name()
    if backend not in _DIALECTS:
        raise ValueError(f"state stores are kept in {' or '.join(_DIALECTS)}, not in {backend!r}")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError(
                "a state store in memory is MemoryStateStore(); give the path of a file"
            )
    elif "@" in f"{parsed.host}{parsed.database}":
        raise ValueError(
            "the state store's URL has more than one '@': write those of a password as '%40', and "
            "'/', ':', '?' and '#' as '%2F', '%3A', '%3F' and '%23'"
        )
    try:
        is_async = parsed.get_dialect().is_async
    except NoSuchModuleError:
        raise ValueError(
            f"the state store's URL names the driver {parsed.drivername!r}, which SQLAlchemy "
            f"doesn't know: {LOOKS}"
        ) from None
    if is_async:
        raise ValueError(
            f"the driver {parsed.drivername!r} is asynchronous, and a state store's must be "
            f"synchronous: {LOOKS}"
        )
    return parsed


def shown(url: URL) -> str:
    """A URL as errors show it: the driver, the host and the database; no user, no password, and
    no parameters, which may hold a password too."""
    if url.get_backend_name() == "sqlite":
        return f"{url.drivername}:///{url.database}"
    several = url.query.get("host", "")
    host = url.host or (several if isinstance(several, str) else ",".join(several))
    port = f":{url.port}" if url.port else ""
    return f"{url.drivername}://{host}{port}/{url.database or ''}"
