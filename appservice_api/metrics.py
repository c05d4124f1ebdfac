"""Metrics for Prometheus (extra ``metrics``).

>>> from prometheus_client import REGISTRY
>>> REGISTRY.register(AppServiceCollector(app))

The number of parked events is read from the state store each time: it is the same in all
processes. The counters are those of the process that is asked.
"""

from __future__ import annotations

from collections.abc import Iterator

from .application import AppService
from .errors import MissingExtraError

try:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError as error:
    raise MissingExtraError("appservice_api.metrics", "metrics") from error

__all__ = ["AppServiceCollector"]


class AppServiceCollector(Collector):
    """Counts what homeservers push:

    - ``appservice_parked_events``: events that are parked now;
    - ``appservice_transactions_total``: transactions that this process received, by ``outcome``:
      ``handled``, ``repeated`` (it had been handled), ``busy`` (another process handles it) or
      ``failed``;
    - ``appservice_events_total``: events and other items of transactions, by ``outcome``:
      ``handled``, ``parked`` or ``unwanted`` (by any handler). What is parked and retried counts
      again.
    - ``appservice_handling``: events and queries of the homeserver that this process is handling
      now;
    - ``appservice_longest_handling_seconds``: for how long it has been handling the oldest of
      them; the log names it after 30 seconds.

    The label ``appservice`` is the ID of the registration.

    Args:
        apps: The application services of this process, each once; a registry takes one
            collector.

    Raises:
        ValueError: There is none, one is something else, or two have the same ID.
    """

    def __init__(self, *apps: AppService) -> None:
        for app in apps:
            if not isinstance(app, AppService):
                raise ValueError(f"an AppService is needed, not {app!r}")
        names = [app.registration.id for app in apps]
        if not names or len(names) != len(set(names)):
            raise ValueError(f"application services of different IDs are needed, not {names}")
        self._apps = apps

    def describe(self) -> list[Metric]:
        """The metrics without values, so that registration reads no store."""
        return [
            GaugeMetricFamily(
                "appservice_parked_events", "Events that are parked now.", labels=["appservice"]
            ),
            CounterMetricFamily(
                "appservice_transactions", "Transactions that this process took.",
                labels=["appservice", "outcome"],
            ),
            CounterMetricFamily(
                "appservice_events", "Events that this process took.",
                labels=["appservice", "outcome"],
            ),
            GaugeMetricFamily(
                "appservice_handling", "Events and queries that this process handles now.",
                labels=["appservice"],
            ),
            GaugeMetricFamily(
                "appservice_longest_handling_seconds",
                "For how long the one has been handled that was begun first.",
                labels=["appservice"],
            ),
        ]  # fmt: skip

    def collect(self) -> Iterator[Metric]:
        """The metrics. A store that can't be reached has no number of parked events."""
        parked, transactions, events, handling, longest = self.describe()
        for app in self._apps:
            name, counters = app.registration.id, app.receiver.counters
            try:
                number = app.state_store.deliveries.count_parked()
            except Exception as error:
                app.log.warning("how many events are parked can't be told: %s", error)
            else:
                parked.add_sample(parked.name, {"appservice": name}, number)
            watch = app.receiver.watch
            handling.add_sample(handling.name, {"appservice": name}, watch.number)
            longest.add_sample(longest.name, {"appservice": name}, watch.longest)
            for metric, counter in (
                (transactions, counters.transactions),
                (events, counters.events),
            ):
                for outcome, count in list(counter.items()):
                    labels = {"appservice": name, "outcome": outcome}
                    metric.add_sample(f"{metric.name}_total", labels, count)
        yield from (parked, transactions, events, handling, longest)
