from __future__ import annotations

from plimsoll.server import meters


def test_what_is_counted_is_told_and_lag_is_asked_for() -> None:
    meter = meters.Meters()
    lags = [meters.Lag(5, 0.5), meters.Lag(7, 1.5)]
    meter.watch({"audit": lambda: lags[-1]})
    meter.records.labels("audit", "accepted").inc(400)
    text = meter.text().decode()
    assert 'plimsoll_received_records_total{door="audit",outcome="accepted"} 400.0' in text
    assert 'plimsoll_lag_bytes{door="audit"} 7.0' in text
    lags.pop()
    assert 'plimsoll_lag_seconds{door="audit"} 0.5' in meter.text().decode()


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = meters.Meters(), meters.Meters()
    one.alerts.labels("audit", "high").inc()
    assert "plimsoll_alerts_total{" not in other.text().decode()
