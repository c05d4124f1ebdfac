"""Devices of a user. Application services create and delete them without a login."""

from __future__ import annotations

from collections.abc import Iterable

from .. import answers
from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..ids import DeviceID
from .base import ClientMethods

__all__ = ["DeviceMethods"]

_DEVICE = "/_matrix/client/v3/devices/{deviceId}"
DEVICES = Endpoint("GET", "/_matrix/client/v3/devices", Needs.REGISTERED)
DEVICE = Endpoint("GET", _DEVICE, Needs.REGISTERED)
UPDATE_DEVICE = Endpoint("PUT", _DEVICE, Needs.ACCOUNT)
DELETE_DEVICE = Endpoint("DELETE", _DEVICE, Needs.REGISTERED)
DELETE_DEVICES = Endpoint("POST", "/_matrix/client/v3/delete_devices", Needs.REGISTERED)


class DeviceMethods(ClientMethods):
    """Devices of the acting user."""

    __slots__ = ()

    @DEVICES
    def get_devices(self, **options: Unpack[CallOptions]) -> list[answers.Device]:
        """Get the devices of the user.

        Args:
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /devices``.
        """
        found = self._field(DEVICES, self._call(DEVICES, options=options), "devices", list)
        return [answers.Device(one) for one in found if isinstance(one, dict)]

    @DEVICE
    def get_device(self, device_id: str, **options: Unpack[CallOptions]) -> answers.Device:
        """Get one device of the user.

        Args:
            device_id: The device.
            options: See :class:`CallOptions`.

        Raises:
            MNotFound: The user has no such device.
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``GET /devices/{deviceId}``.
        """
        answer = self._call(DEVICE, (device_id,), options=options)
        self._field(DEVICE, answer, "device_id", str)
        return answers.Device(answer)

    @UPDATE_DEVICE
    def update_device(
        self, device_id: str, display_name: str | None = None, **options: Unpack[CallOptions]
    ) -> None:
        """Create a device of a ghost, or rename one.

        Args:
            device_id: The device.
            display_name: Its name; unchanged if None.
            options: See :class:`CallOptions`.

        Raises:
            MatrixError: The homeserver refused, or couldn't be reached.

        Spec: Client-Server API, ``PUT /devices/{deviceId}``; Application Service API, "Device
        management".
        """
        content = {"display_name": display_name} if display_name is not None else {}
        self._call(UPDATE_DEVICE, (device_id,), content, options)

    def create_device_msc4190(
        self, device_id: str, initial_display_name: str, **options: Unpack[CallOptions]
    ) -> None:
        """Create a device of a ghost; the same as :meth:`update_device`."""
        self.update_device(device_id, initial_display_name, **options)

    @DELETE_DEVICE
    def delete_device(self, device_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete a device of a ghost; see :meth:`update_device`.

        Spec: Client-Server API, ``DELETE /devices/{deviceId}``.
        """
        self._call(DELETE_DEVICE, (device_id,), {}, options)

    @DELETE_DEVICES
    def delete_devices(self, device_ids: Iterable[str], **options: Unpack[CallOptions]) -> None:
        """Delete several devices of a ghost; see :meth:`update_device`.

        Spec: Client-Server API, ``POST /delete_devices``.
        """
        found = (device_ids,) if isinstance(device_ids, str) else device_ids
        content = {"devices": [DeviceID(device_id) for device_id in found]}
        self._call(DELETE_DEVICES, (), content, options)
