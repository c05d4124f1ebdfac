"""Comes when it is invited, and says again what is said."""

from os import environ as env

from appservice_api import AppService

app = AppService.from_registration(env["APPSERVICE_REGISTRATION"], env["APPSERVICE_BASE_URL"])


@app.on_state("m.room.member", state_key=app.api.bot_mxid)
def come(event, room):
    if event.content.membership == "invite":
        room.join_room()


@app.on("m.room.message", msgtype="m.text")
def echo(event, room):
    room.send_notice(event.content.body)
