"""Messages from device to device, outside rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..api.endpoint import Endpoint, Needs
from ..api.options import CallOptions
from ..compat import Unpack
from ..events.content import content_of
from ..ids import DeviceID, UserID
from .base import ClientMethods

__all__ = ["ToDeviceMethods"]

SEND_TO_DEVICE = Endpoint(
    "PUT", "/_matrix/client/v3/sendToDevice/{eventType}/{txnId}", Needs.REGISTERED
)


class ToDeviceMethods(ClientMethods):
    """Sending to devices."""

    __slots__ = ()

    @SEND_TO_DEVICE
    def send_to_device(
        self,
        event_type: str,
        messages: Mapping[Any, Mapping[Any, Mapping[str, Any]]],
        txn_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send messages to devices.

        Args:
            event_type: The type of the messages.
            messages: Their contents by user and device; the device ``*`` means all devices of the
                user. They aren't changed.
            txn_id: A name for the messages; see :meth:`send_message_event`. The same user,
                type and name mean the same messages, even to other recipients.
            options: See :class:`CallOptions`.

        Raises:
            ValueError: A message or an argument can't be sent.
            MatrixError: The homeserver refused, or couldn't be reached. Unknown devices cause no
                error.

        Spec: Client-Server API, ``PUT /sendToDevice/{eventType}/{txnId}``.
        """
        sent = {
            UserID(user): {
                DeviceID(device): content_of(message, f"the message to {device} of {user}")
                for device, message in content_of(devices, f"messages[{user!r}]").items()
            }
            for user, devices in content_of(messages, "messages").items()
        }
        final_id = self._txn_id(txn_id, ("sendToDevice", event_type), sent)
        self._call(SEND_TO_DEVICE, (event_type, final_id), {"messages": sent}, options)

    def send_to_one_device(
        self,
        event_type: str,
        user_id: str,
        device_id: str,
        message: Mapping[str, Any],
        txn_id: str | None = None,
        **options: Unpack[CallOptions],
    ) -> None:
        """Send a message to one device, or with ``*`` to all devices of a user.

        Args:
            event_type: The type of the message.
            user_id: The user.
            device_id: The user's device.
            message: The content; it isn't changed.
            txn_id, options: See :meth:`send_to_device`, also for the errors.
        """
        self.send_to_device(event_type, {user_id: {device_id: message}}, txn_id, **options)
