"""Views of devices."""

from __future__ import annotations

from ..events.view import View, number, text
from ..ids import DeviceID

__all__ = ["Device"]


class Device(View):
    """A device of a user."""

    __slots__ = ()
    device_id = text(DeviceID)
    display_name = text(str)
    #: The IP address that it was last seen at.
    last_seen_ip = text(str)
    #: When it was last seen, in milliseconds since 1970.
    last_seen_ts = number()
