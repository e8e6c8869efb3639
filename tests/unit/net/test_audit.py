from __future__ import annotations

import logging

import pytest

from leadline.clock import ManualClock
from leadline.net.audit import AUDIT_LOG, Audit
from leadline.net.http import Purpose


def test_an_operation_is_kept_with_its_purpose_outcome_and_latency() -> None:
    clock = ManualClock()
    audit = Audit(clock)
    clock.advance(0.25)
    audit.record("AddOrder", "rest", Purpose.ORDER, [("pair", "XXBTZUSD")], "ok", 0)
    (operation,) = audit.operations
    assert operation.wall_ns == clock.wall_ns()
    assert operation.latency_ns == 250_000_000
    assert str(operation) == "AddOrder by rest for order: ok (250.0 ms) pair=XXBTZUSD"


def test_a_secret_among_the_parameters_is_masked_in_memory_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    audit = Audit(ManualClock())
    with caplog.at_level(logging.INFO, AUDIT_LOG):
        audit.record("GetWebSocketsToken", "rest", Purpose.CREDENTIAL, [("otp", "canary")], "ok", 0)
        audit.record(
            "add_order", "stream", Purpose.ORDER, [("params", '{"qty":1,"token":"canary"}')], "ok", 0
        )
    assert "canary" not in caplog.text + repr(audit.operations)
    assert "otp=***" in caplog.text


def test_only_the_newest_thousand_operations_are_kept_and_all_are_counted() -> None:
    audit = Audit(ManualClock())
    for number in range(1005):
        audit.record(f"call {number}", "rest", Purpose.ACCOUNT, (), "ok", 0)
    assert audit.count == 1005
    assert [len(audit.operations), audit.operations[0].name] == [1000, "call 5"]


def test_an_outcome_of_any_length_is_kept_short() -> None:
    audit = Audit(ManualClock())
    audit.record("Ledgers", "rest", Purpose.HISTORY, (), "x" * 100_000, 0)
    assert len(audit.operations[0].outcome) == 500
