"""A pool of application services on a real homeserver: each test takes an unused one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from .sink import TransactionSink
from .synapse import Synapse

# Synapse reads registrations only at its start, and hundreds of them slow down every request.
SIZE = 60


@dataclass(frozen=True, repr=False)
class Homeserver:
    """A real homeserver with an application service that no other test uses.

    `synapse` may be shared with other tests. A test that stops it needs a `Synapse` of its own.
    """

    synapse: Synapse
    sink: TransactionSink
    registration: dict[str, Any]

    def __repr__(self) -> str:
        return f"<Homeserver {self.server_name} for {self.id}>"

    @property
    def base_url(self) -> str:
        """The homeserver's URL, without a trailing slash."""
        return self.synapse.base_url

    @property
    def server_name(self) -> str:
        """The homeserver's name."""
        return self.synapse.server_name

    @property
    def id(self) -> str:
        """The registration's ID."""
        return str(self.registration["id"])

    @property
    def as_token(self) -> str:
        """The token that authenticates the application service."""
        return str(self.registration["as_token"])

    @property
    def hs_token(self) -> str:
        """The token that authenticates the homeserver."""
        return str(self.registration["hs_token"])

    @property
    def bot_mxid(self) -> str:
        """The bot's user ID."""
        return f"@{self.registration['sender_localpart']}:{self.server_name}"

    def ghost(self, name: str) -> str:
        """A user ID in the exclusive namespace; the user isn't registered.

        Args:
            name: The last part of its localpart.

        Returns:
            The user ID.
        """
        return f"@_{self.id}_{name}:{self.server_name}"

    def alias(self, name: str) -> str:
        """A room alias in the exclusive namespace; it isn't created.

        Args:
            name: The last part of its localpart.

        Returns:
            The alias.
        """
        return f"#_{self.id}_{name}:{self.server_name}"

    def create_user(self, name: str) -> dict[str, Any]:
        """Register a real user in the registration's non-exclusive namespace.

        Args:
            name: The last part of the localpart. The password is "pw".

        Returns:
            A dict of user_id, access_token and device_id.

        Raises:
            SynapseError: The name is taken.
        """
        return self.synapse.create_user(f"real_{self.id}_{name}")

    def forward(self, url: str | None) -> None:
        """Forward what the homeserver pushes to a server; it is recorded, too.

        Args:
            url: The URL with which the server's paths begin; None to stop forwarding.
        """
        self.sink.forward(self.id, url)

    def transactions(self) -> list[dict[str, Any]]:
        """The transactions that were pushed so far.

        Returns:
            Their bodies, oldest first, including repeats.
        """
        return self.sink.transactions(self.id)


def make_registration(registration_id: str, url: str, server_name: str) -> dict[str, Any]:
    """Make a registration with new tokens.

    Args:
        registration_id: Its ID, which is a part of all its names.
        url: The URL to which the homeserver pushes.
        server_name: The homeserver's name.

    Returns:
        The registration.
    """
    server = server_name.replace(".", r"\.")

    def namespace(start: str, exclusive: bool = True) -> dict[str, Any]:
        return {"exclusive": exclusive, "regex": f"{start}_{registration_id}_.*:{server}"}

    return {
        "id": registration_id,
        "url": url,
        "as_token": secrets.token_urlsafe(32),
        "hs_token": secrets.token_urlsafe(32),
        "sender_localpart": f"_{registration_id}_bot",
        "rate_limited": False,
        "receive_ephemeral": True,
        # The name that Synapse 1.143 reads.
        "de.sorunome.msc2409.push_ephemeral": True,
        "protocols": [registration_id],
        "org.matrix.msc3202": True,
        "namespaces": {
            "users": [namespace("@"), namespace("@real", exclusive=False)],
            "aliases": [namespace("#")],
            "rooms": [],
        },
    }


class SynapsePool:
    """Gives out application services, and starts another Synapse when none is left.

    Args:
        size: How many application services each Synapse has.
        server_name: The homeservers' name.
    """

    def __init__(self, size: int = SIZE, server_name: str = "hs.test") -> None:
        self.sink = TransactionSink()
        self._size = size
        self._server_name = server_name
        self._synapses: list[Synapse] = []
        self._free: list[Homeserver] = []

    def take(self) -> Homeserver:
        """Take an unused application service.

        Returns:
            The application service and its homeserver.

        Raises:
            SynapseError: A homeserver had to be started, and failed to start.
        """
        if not self._free:
            self._start()
        return self._free.pop()

    def stop(self) -> None:
        """Stop everything."""
        for synapse in self._synapses:
            synapse.stop()
        self.sink.stop()

    def _start(self) -> None:
        self.sink.start()
        # The numbers continue: the sink distinguishes registrations by their IDs.
        first = len(self._synapses) * self._size
        ids = [f"t{number}" for number in range(first, first + self._size)]
        registrations = [
            make_registration(one, self.sink.url_for(one), self._server_name) for one in ids
        ]
        synapse = Synapse(registrations, server_name=self._server_name)
        synapse.start()
        self._synapses.append(synapse)
        self._free = [Homeserver(synapse, self.sink, one) for one in reversed(registrations)]
