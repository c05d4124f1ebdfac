"""The bot's account and its device on a real homeserver, which lets it act without either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appservice_api import (
    AppService,
    AppServiceAPI,
    IntentAPI,
    MatrixRequestError,
    MUnknown,
    Registration,
)
from appservice_api.testing import Homeserver, Synapse
from appservice_api.testing.process import installed

from .requests_seen import count_requests

pytestmark = pytest.mark.synapse


@pytest.fixture
def public(homeserver: Homeserver, api: AppServiceAPI) -> str:
    """A room that anybody may join."""
    account = homeserver.create_user("owner")
    owner = api.intent(account["user_id"], token=account["access_token"])
    return owner.create_room(preset="public_chat")


@pytest.mark.parametrize("begin", [
    lambda bot, room: bot.set_displayname("Bot"),
    lambda bot, room: bot.create_room(),
    lambda bot, room: bot.send_text(room, "hi"),
    lambda bot, room: bot.update_device("DESK"),
])  # fmt: skip
def test_what_the_bots_life_begins_with(
    begin: Callable[[IntentAPI, str], Any], api: AppServiceAPI, public: str
) -> None:
    bot = api.bot_intent()
    assert not api.state_store.is_registered(bot.mxid)
    begin(bot, public)
    assert bot.register() is False, "it has an account"
    assert bot.get_profile(bot.mxid).displayname
    bot.ensure_registered()


def test_an_ordinary_send_is_one_request(
    api: AppServiceAPI, homeserver: Homeserver, public: str
) -> None:
    api.bot_intent().join_room(public)
    with AppServiceAPI.from_registration(
        Registration.load(homeserver.registration), homeserver.base_url
    ) as job:
        seen = count_requests(job)
        job.bot_intent().send_text(public, "the backup is done")
        assert len(seen) == 1


def test_people_find_a_bot_that_serves(app: AppService, carol: IntentAPI) -> None:
    # In a thread, beside the ping.
    for _ in range(100):
        if app.state_store.is_registered(app.bot.mxid):
            break
        app.api._shared.sleep(0.05)
    assert carol.get_profile(app.bot.mxid).displayname
    room = carol.create_room(invitees=[app.bot.mxid], is_direct=True)
    assert app.bot.join_room(room) == room
    assert app.bot.register() is False


def test_half_an_account(api: AppServiceAPI) -> None:
    """What a bot had that set its name first, which some versions let happen."""
    bot, careless = api.bot_intent(), api.intent(ensure_joined=False)
    try:
        careless.set_displayname("Bot", check_current=False)
    except MUnknown:  # 1.143.0
        bot.set_displayname("Bot")
        assert bot.register() is False
        return
    with pytest.raises(MatrixRequestError) as caught:
        bot.ensure_registered()
    assert caught.value.http_status == 500
    assert "remove the row of this full_user_id from its table profiles" in str(caught.value)
    room = bot.create_room()
    bot.send_text(room, "it can act all the same")


def test_a_bot_outside_of_the_namespaces() -> None:
    if not installed():
        pytest.skip("Synapse isn't installed: pip install 'appservice_api[demo]'")
    registration = Registration.load({
        "id": "out", "url": None, "as_token": "as_out_0123456789", "hs_token": "hs_out_0123456789",
        "sender_localpart": "outsider", "rate_limited": False,
        "namespaces": {"users": [{"exclusive": True, "regex": r"@_out_.*:hs\.test"}]},
    })  # fmt: skip
    with (
        Synapse([registration.as_dict()]) as synapse,
        AppServiceAPI.from_registration(registration, synapse.base_url, device_id="BRIDGE") as api,
    ):
        bot = api.bot_intent()
        bot.set_displayname("Bot")
        room = bot.create_room()
        bot.send_text(room, "hi")
        api.intent("@_out_ghost:hs.test").send_text(room, "so do I")
        assert bot.get_joined_members(room)[bot.mxid].displayname == "Bot"


class TestDevice:
    """An application service all of whose users act as a device."""

    @pytest.fixture
    def api(self, homeserver: Homeserver) -> Iterator[AppServiceAPI]:
        registration = Registration.load(homeserver.registration)
        with AppServiceAPI.from_registration(
            registration, homeserver.base_url, device_id="BRIDGE"
        ) as made:
            yield made

    def test_all_that_the_bot_does(self, api: AppServiceAPI, homeserver: Homeserver) -> None:
        bot = api.bot_intent()
        bot.set_displayname("Bot")
        room = bot.create_room()
        url = bot.upload_media(b"x", "text/plain")
        assert bot.download_media(url) == b"x"
        assert bot.whoami().device_id == "BRIDGE"
        assert [one.device_id for one in bot.get_devices()] == ["BRIDGE"]
        event_id = bot.send_text(room, "once", txn_id="job-1")
        assert bot.send_text(room, "once", txn_id="job-1") == event_id
        assert api.request("GET", "account/whoami")["device_id"] == "BRIDGE"
        assert bot.appservice_ping(homeserver.id) >= 0

    def test_the_ping_needs_no_device(self, api: AppServiceAPI, homeserver: Homeserver) -> None:
        assert api.bot_intent().appservice_ping(homeserver.id) >= 0
        with pytest.raises(MatrixRequestError, match="device"):
            api.intent(ensure_joined=False).whoami()

    def test_a_new_ghost_into_an_invite_only_room(
        self, api: AppServiceAPI, homeserver: Homeserver
    ) -> None:
        room = api.bot_intent().create_room()
        for name in ("a", "b"):
            ghost = api.intent(homeserver.ghost(name))
            sent = ghost.send_text(room, "hi")
            assert ghost.get_event(room, sent).sender == ghost.mxid
            assert ghost.whoami().device_id == "BRIDGE"


def test_looking_changes_nothing(api: AppServiceAPI, homeserver: Homeserver) -> None:
    room = api.bot_intent().create_room(preset="public_chat", name="Tea")
    ghost = homeserver.ghost("looks")
    view = api.intent(ghost).room(room)
    for name in ("members", "name", "power_levels", "version", "is_encrypted"):
        with pytest.raises(MatrixRequestError, match="has not registered this user"):
            getattr(view, name)
    assert ghost not in api.bot_intent().get_joined_members(room)
    with pytest.raises(MatrixRequestError) as caught:
        api.bot_intent().get_profile(ghost)
    assert caught.value.http_status == 404
    assert api.bot_intent().room(room).name == "Tea"
    assert set(api.bot_intent().room(room).members) == {homeserver.bot_mxid}
