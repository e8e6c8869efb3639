"""What the benchmark says on a terminal."""

from __future__ import annotations

from leadline.cli.bench import lines_of

SUBMITS = {"p50_us": 812.4, "p99_us": 2400.0, "orders_s": 499.9, "fsync_us": 210.8}


def test_submits_are_told_beside_what_an_fsync_costs() -> None:
    [line] = lines_of({"order_submit": SUBMITS})

    assert "p50 812, p99 2400 µs to the first byte, 500 a second; an fsync 211 µs" in line


def test_every_figure_of_orders_has_its_line() -> None:
    report = {
        "order_submit": SUBMITS,
        "order_submit_1": SUBMITS,
        "order_burst": {"orders": 100, "seconds": 0.0335},
        "order_loop": {"loop_blocked_ms_max": 2.79, "loop_busy_ms_max": 0.8},
        "order_round_trip": {"p50_us": 1500.0, "p99_us": 3000.0},
    }

    lines = lines_of(report)

    assert len(lines) == len(report)
    assert any("100 orders answered in 0.034 s" in line for line in lines)
    assert any("at most 2.79 ms without a turn, 0.80 ms of it at work" in line for line in lines)
    assert any("p50 1500 µs, p99 3000 µs" in line for line in lines)


def test_what_was_not_measured_is_not_told() -> None:
    frames = {"us": 4.0, "yardstick_us": 0.7, "ratio": 5.71, "messages_s": 250_000}

    [line] = lines_of({"frames": frames})

    assert line.startswith("the frames of the file")
