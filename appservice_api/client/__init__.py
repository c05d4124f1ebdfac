"""The methods of the Client-Server API: one class for each of its chapters."""

from __future__ import annotations

from .account import AccountMethods
from .account_data import AccountDataMethods
from .admin import AdminMethods
from .attachments import AttachmentMethods
from .credentials import CredentialMethods
from .devices import DeviceMethods
from .directory import DirectoryMethods
from .discovery import DiscoveryMethods
from .downloads import DownloadMethods
from .events import EventMethods
from .filters import FilterMethods
from .joining import JoiningMethods
from .key_backup import KeyBackupMethods
from .keys import KeyMethods
from .login import LoginMethods
from .media import MediaMethods
from .messages import MessageMethods
from .power_levels import PowerLevelMethods
from .profile import ProfileMethods
from .push_rules import PushRuleMethods
from .receipts import ReceiptMethods
from .relations import RelationMethods
from .reports import ReportMethods
from .room_details import RoomDetailMethods
from .rooms import RoomMethods
from .search import SearchMethods
from .spaces import SpaceMethods
from .state import StateMethods
from .sync import SyncMethods
from .third_party import ThirdPartyMethods
from .to_device import ToDeviceMethods

__all__ = ["ClientAPI"]


class ClientAPI(
    RoomDetailMethods,
    PowerLevelMethods,
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
    FilterMethods,
    RelationMethods,
    ReportMethods,
    SearchMethods,
    SpaceMethods,
    SyncMethods,
    KeyMethods,
    KeyBackupMethods,
    ToDeviceMethods,
    AccountMethods,
    LoginMethods,
    DiscoveryMethods,
    AdminMethods,
    CredentialMethods,
    ThirdPartyMethods,
    PushRuleMethods,
):
    """All chapters together."""

    __slots__ = ()
