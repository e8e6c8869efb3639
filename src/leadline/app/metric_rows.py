"""Metric families of declared metrics, from rows of labels and values, in Prometheus' units.

Rule: a row has a value for each declared label, or it is a mistake of ours and raises.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from leadline.app.metric_table import METRICS, Kind
from leadline.clock import NS_PER_S
from leadline.core.histogram import Histogram

Row = tuple[tuple[str, ...], float]
"""Values of the labels, in their declared order, and the value."""

_BOUNDS_NS = tuple(round(step * 10**power) for power in range(4, 11) for step in (1, 2.5, 5))
"""10 µs to 50 s, in the usual steps."""


def told(name: str, rows: Iterable[Row]) -> Metric:
    """A gauge or counter with these rows."""
    declared = METRICS[name]
    kind = CounterMetricFamily if declared.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(name, declared.text, labels=declared.labels)
    for values, value in rows:
        assert len(values) == len(declared.labels), f"{name} has the labels {declared.labels}, not {values}"
        family.add_metric(values, float(value))
    return family


def one(name: str, value: float) -> Metric:
    """A gauge or counter without labels."""
    return told(name, [((), value)])


def timed(name: str, rows: Iterable[tuple[tuple[str, ...], Histogram]]) -> Metric:
    """Durations observed in nanoseconds, told in seconds."""
    declared = METRICS[name]
    family = HistogramMetricFamily(name, declared.text, labels=declared.labels)
    for values, observed in rows:
        buckets = [(f"{bound / NS_PER_S:g}", float(count)) for bound, count in observed.buckets(_BOUNDS_NS)]
        buckets.append(("+Inf", float(observed.count)))
        family.add_metric(values, buckets, observed.sum / NS_PER_S)
    return family
