"""What can be said: one class of methods for each chapter of the Client-Server API."""

from __future__ import annotations

from .account import AccountMethods
from .account_data import AccountDataMethods
from .devices import DeviceMethods
from .directory import DirectoryMethods
from .events import EventMethods
from .joining import JoiningMethods
from .key_backup import KeyBackupMethods
from .keys import KeyMethods
from .media import MediaMethods
from .messages import MessageMethods
from .profile import ProfileMethods
from .receipts import ReceiptMethods
from .rooms import RoomMethods
from .state import StateMethods
from .to_device import ToDeviceMethods

__all__ = ["ClientAPI"]


class ClientAPI(
    MessageMethods,
    EventMethods,
    JoiningMethods,
    StateMethods,
    RoomMethods,
    DirectoryMethods,
    AccountDataMethods,
    DeviceMethods,
    ProfileMethods,
    MediaMethods,
    ReceiptMethods,
    KeyMethods,
    KeyBackupMethods,
    ToDeviceMethods,
    AccountMethods,
):
    """All chapters together."""

    __slots__ = ()
