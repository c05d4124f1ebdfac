"""The package of events: everything is exported, nothing is imported too early."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import appservice_api
from appservice_api import answers, events

# What others don't need, or find under another name.
_INTERNAL = {"content", "open_enum", "power_levels", "view"}


@pytest.mark.parametrize("package", [answers, events])
def test_every_public_name_is_exported(package: ModuleType) -> None:
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in _INTERNAL:
            for name in importlib.import_module(f"{package.__name__}.{module.name}").__all__:
                assert name not in found, f"{name} in {module.name} and {found[name]}"
                found[name] = module.name
    lazy = {name: module for module, names in package._MODULES.items() for name in names.split()}
    # What power levels are judged by is exported, too, and how views are made, for annotations.
    special = {"RoomPowers": "power_levels", "view": "view"} if package is events else {}
    assert lazy == {**found, **special}
    if package is events:
        found["RoomPowers"] = special["RoomPowers"]
    assert sorted(found) == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert getattr(appservice_api, name) is getattr(package, name)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


def test_nothing_is_offered_twice() -> None:
    assert len(set(appservice_api.__all__)) == len(appservice_api.__all__)
    assert set(appservice_api.__all__) <= set(dir(appservice_api))


# The names that the signatures of the reference library have.
_NAMED = """
    AccountDataEventContent BaseFileInfo BatchID ClaimKeysResponse ContentURI CrossSigningKeys
    CrossSigningUsage DeviceID DeviceKeys DirectoryPaginationToken EncryptionKeyAlgorithm Event
    EventContent EventContext EventID EventType Filter FilterID ImageInfo JSON JoinRule
    LoginFlowList LoginResponse LoginType MXOpenGraph MediaCreateResponse MediaRepoConfig Member
    MemberStateEventContent Membership MessageEventContent MessageType PaginatedMessages
    PaginationDirection PowerLevelStateEventContent PresenceEventContent PresenceState
    PushCondition PushRule PushRuleID PushRuleKind PushRuleScope QueryKeysResponse RelatesTo
    RoomAlias RoomAliasInfo RoomCreatePreset RoomCreateStateEventContent RoomDirectoryResponse
    RoomDirectoryVisibility RoomEncryptionStateEventContent RoomEventFilter RoomID
    RoomTagAccountDataEventContent RoomTagInfo StateEvent StateEventContent StrippedStateEvent
    SyncToken ToDeviceEventContent UserID UserIdentifier UserSearchResults VersionsResponse
    WhoamiResponse
"""


@pytest.mark.parametrize("name", _NAMED.split())
def test_what_signatures_name_is_there(name: str) -> None:
    assert name in appservice_api.__all__


def test_client_imports_no_views() -> None:
    code = (
        "import sys, appservice_api.intent, appservice_api.state_store\n"
        "print(sorted(m for m in sys.modules if m.startswith('appservice_api.events.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str([
        f"appservice_api.events.{name}"
        for name in ("content", "membership", "open_enum")
    ])  # fmt: skip
