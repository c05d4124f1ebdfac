"""What can be said: one class of methods for each chapter of the Client-Server API."""

from __future__ import annotations

from .account import AccountMethods
from .account_data import AccountDataMethods
from .attachments import AttachmentMethods
from .devices import DeviceMethods
from .directory import DirectoryMethods
from .downloads import DownloadMethods
from .events import EventMethods
from .joining import JoiningMethods
from .media import MediaMethods
from .messages import MessageMethods
from .profile import ProfileMethods
from .receipts import ReceiptMethods
from .rooms import RoomMethods
from .state import StateMethods

__all__ = ["ClientAPI"]


class ClientAPI(
    AttachmentMethods,
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
    DownloadMethods,
    ReceiptMethods,
    AccountMethods,
):
    """All chapters together."""

    __slots__ = ()
