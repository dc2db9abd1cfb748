"""What came in and what became of it, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import prometheus_client as prometheus
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class Lag(NamedTuple):
    """How far judging is behind receiving."""

    bytes: int
    seconds: float


class Meters:
    """The counters of a server, in a registry of its own."""

    def __init__(self) -> None:
        # Else each has a second series, which nobody reads.
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = prometheus.CollectorRegistry()
        self.records = prometheus.Counter(
            "plimsoll_received_records",
            "Records posted, by what became of them.",
            ["door", "outcome"],
            registry=registry,
        )
        self.refused = prometheus.Counter(
            "plimsoll_refused_requests",
            "Requests that nothing was kept of, by why.",
            ["door", "reason"],
            registry=registry,
        )
        self.bytes = prometheus.Counter(
            "plimsoll_received_bytes", "Bytes of bodies, unpacked.", ["door"], registry=registry
        )
        self.seconds = prometheus.Histogram(
            "plimsoll_receive_seconds", "From a request's first byte to its answer.", ["door"], registry=registry
        )
        self.judged = prometheus.Gauge(
            "plimsoll_judged_records",
            "Records judged or learned since the start.",
            ["door", "outcome"],
            registry=registry,
        )
        self.alerts = prometheus.Counter(
            "plimsoll_alerts", "Alerts printed, by severity.", ["door", "severity"], registry=registry
        )

    def watch(self, lags: Mapping[str, Callable[[], Lag]]) -> None:
        """Measure how far behind each of these is whenever somebody asks."""
        for name in lags:
            for outcome in ("accepted", "duplicate", "rejected"):
                self.records.labels(name, outcome)  # shown from the start, as zero
        self._registry.register(_Lags(lags))

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return prometheus.generate_latest(self._registry)


class _Lags(Collector):
    def __init__(self, lags: Mapping[str, Callable[[], Lag]]) -> None:
        self._lags = lags

    def collect(self) -> Iterable[Metric]:
        return iter(self._found())

    def _found(self) -> Iterator[Metric]:
        size = GaugeMetricFamily("plimsoll_lag_bytes", "Bytes received and not judged yet.", labels=["door"])
        age = GaugeMetricFamily("plimsoll_lag_seconds", "How long the oldest of them has waited.", labels=["door"])
        for name, lag in self._lags.items():
            found = lag()
            size.add_metric([name], found.bytes)
            age.add_metric([name], found.seconds)
        yield from (size, age)
