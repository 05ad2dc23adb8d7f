"""Percentiles from log-spaced buckets."""

from __future__ import annotations

import pytest

from store.histogram import bucket_of, latency_of, percentile


def test_percentiles_are_right_within_a_few_percent() -> None:
    counts: dict[int, int] = {}
    for value_ms in range(1, 1001):
        bucket = bucket_of(value_ms * 1_000_000)
        counts[bucket] = counts.get(bucket, 0) + 1
    latency = latency_of(counts)
    for found, wanted in (
        (latency.p50_ns, 500),
        (latency.p75_ns, 750),
        (latency.p90_ns, 900),
        (latency.p99_ns, 990),
    ):
        assert found == pytest.approx(wanted * 1e6, rel=0.03)
    assert percentile({}, 0.5) is None
    assert latency_of({0: 3}).p99_ns == 0
