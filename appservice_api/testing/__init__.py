"""Tools for testing an application service.

- `Synapse`: a throw-away real homeserver; `TransactionSink`: a receiver for what it pushes.
- `StubHomeserver`: a fast one in memory that records requests and misbehaves on demand, with
  `answer`, `truncated`, `hang`, `after_applying`, `DROP` and `RESET` to script it.
- `ManualClock`: a clock that tests turn by hand.

The pytest fixtures `homeserver`, `synapse_pool`, `stub` and `clock` are in
`appservice_api.testing.plugin`; tests that each state store passes, to subclass, are in
`appservice_api.testing.contract`. These two need pytest.
"""

from __future__ import annotations

from .clock import ManualClock
from .pool import Homeserver, SynapsePool
from .receiver import TransactionSink
from .stub import (
    DROP,
    RESET,
    Answer,
    Recorded,
    StubHomeserver,
    after_applying,
    answer,
    hang,
    truncated,
)
from .synapse import Synapse, SynapseError

__all__ = [
    "DROP",
    "RESET",
    "Answer",
    "Homeserver",
    "ManualClock",
    "Recorded",
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
