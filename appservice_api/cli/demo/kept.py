"""Instructions for a homeserver that the demo leaves running."""

from __future__ import annotations

import json
import shlex
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from ...registration import Registration
from ...testing import Synapse

__all__ = ["go_on"]

# The demo's receiver ends with the demo, so its port is free again.
_ANSWER = """\
from appservice_api import AppService

app = AppService.from_registration(
    {registration_text},
    {base_url_text},
)
alice = app.api.intent({alice_text})


@app.on("m.room.message", msgtype="m.text")
def answer(event):
    alice.reply(event.room_id, event.event_id, "I have read it.")
"""

_KEPT = """
Synapse goes on running, for you to play with:

  homeserver     {base_url}
  registration   {registration}
  room           {room_id}
  ordinary user  {erin}, password "{password}"
  process        {pid}

Speak to it in Python:

from appservice_api import AppServiceAPI

api = AppServiceAPI.from_registration(
    {registration_text},
    {base_url_text},
)
alice = api.intent({alice_text})
alice.send_text({room_id_text}, "Hello again")

The receiver has ended with the demo. For another one there is answer.py:

{answer}
Start it in a second terminal{needs}:

  cd {home} && appservice-api serve answer:app --port {port}

Then write as Erin, who is an ordinary user:

login = api.bot_intent().login("erin", password="{password}")
erin = api.intent(login.user_id, token=login.access_token)
erin.send_text({room_id_text}, "And this?")

A moment later, what Alice has answered:

print(next(erin.messages({room_id_text})).content.body)

Stop Synapse, and remove its files:

  kill {pid}; sleep 1; rm -r {home}
"""


def go_on(
    synapse: Synapse, registration: Registration, room_id: str, *, alice: str, erin: str,
    password: str,
) -> str:  # fmt: skip
    """Write a receiver into the homeserver's folder, and say how to go on with both.

    Args:
        synapse: The homeserver.
        registration: The application service's registration.
        room_id: The room.
        alice: A ghost.
        erin: An ordinary user.
        password: Her password.

    Returns:
        The instructions.

    Raises:
        OSError: The receiver's file can't be written.
    """
    known = {
        "alice": alice, "base_url": synapse.base_url, "room_id": str(room_id),
        "registration": str(synapse.home / "registration-0.yaml"),
    }  # fmt: skip
    # A JSON string is a Python string, too.
    texts = {f"{key}_text": json.dumps(value) for key, value in known.items()}
    answer = _ANSWER.format(**texts)
    Path(synapse.home, "answer.py").write_text(answer, encoding="utf-8")
    needs = "" if find_spec("waitress") else ", after pip install 'appservice_api[server]'"
    return _KEPT.format(
        **known, **texts, answer=answer, erin=erin, home=shlex.quote(str(synapse.home)),
        needs=needs, password=password, pid=synapse.pid,
        port=urlsplit(registration.url or "").port,
    )  # fmt: skip
