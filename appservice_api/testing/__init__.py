"""Tools for testing an application service.

- `Synapse`: a throw-away real homeserver; `TransactionSink`: a receiver for what it pushes.
- `StubHomeserver`: a fast homeserver in memory that records requests and misbehaves on demand;
  `answer`, `truncated`, `hang`, `after_applying`, `DROP` and `RESET` script it.
- `ManualClock`: a clock that tests advance.

The pytest fixtures `homeserver`, `synapse_pool`, `stub` and `clock` are in
`appservice_api.testing.plugin`; the tests that every state store must pass, to subclass, are in
`appservice_api.testing.contract`. Both need pytest.
"""

from __future__ import annotations

from .clock import ManualClock
from .http import DROP, RESET, Recorded, Response, answer, truncated
from .pool import Homeserver, SynapsePool
from .sink import TransactionSink
from .stub import StubHomeserver, after_applying, hang
from .synapse import Synapse, SynapseError

# The former name of `Response`.
Answer = Response

__all__ = [
    "DROP",
    "RESET",
    "Homeserver",
    "ManualClock",
    "Recorded",
    "Response",
    "StubHomeserver",
    "Synapse",
    "SynapseError",
    "SynapsePool",
    "TransactionSink",
    "after_applying",
    "answer",
    "hang",
    "truncated",
]
