"""What the benchmark says on a terminal."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from msgspec.structs import replace

from leadline.bench.filling import Kept
from leadline.bench.soak import Held, Soak
from leadline.cli.bench import command, lines_of, soak_lines

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


def test_figures_of_binance_have_their_lines() -> None:
    pace = {"us": 20.0, "yardstick_us": 4.0, "ratio": 5.0, "messages_s": 50_000}
    report = {
        "binance_depth": pace,
        "binance_mixed_50": pace,
        "startup_150_symbols": {"seconds": 45.2, "weight_peak_minute": 1543, "certain_depth": 500},
    }

    depth, mixed, start = lines_of(report)

    assert depth.startswith("one book of Binance ")
    assert mixed.startswith("50 contracts of it, every channel ")
    assert start.startswith("150 books of Binance at start ")
    assert start.endswith(
        "live after 45.2 s, 500 levels a side certain, at most 1,543 of 2,400 weight a minute"
    )


def test_what_is_made_of_silences_is_told_beside_fixed_time_outs() -> None:
    questions = {"5s_questions_h": 414.18, "10s_questions_h": 138.0, "30s_questions_h": 13.64}
    learned = {"learned_questions_h": 5.55, "learned_dead_p50_s": 34.1, "learned_dead_p99_s": 54.8}

    [line] = lines_of({"silence_day_and_night": questions | learned})

    assert line.startswith("silence of a feed, day and night")
    assert "found after p50 34.1, p99 54.8 s, 5.5 times an hour in vain" in line
    assert line.endswith("(5 s fixed 414.2; 10 s fixed 138.0; 30 s fixed 13.6)")


def test_a_soak_is_told_with_its_slope_and_with_what_is_wrong() -> None:
    held = Held(25, 28, 16, 0)
    found = Soak(
        seconds=600.0, warm_up_s=180.0, lines=2, messages=1_800_000, messages_s=3000.0, cuts=37, reconnects=9,
        switches=36, gaps=9, joined=300, orders=110, orders_refused=3, filled_s=640.0,
        kept_first=Kept(10_000, 10_000, 9_400), kept_last=Kept(10_000, 10_000, 10_000), memory_empty_mb=51.0,
        memory_first_mb=58.0,
        memory_last_mb=62.5, memory_most_mb=63.0, slope_mb_h=4.25, steady_mb_h=1.26, delivery_p99_us=90.0,
        delivery_max_ms=12.0, arrival_p99_ms=8.0, arrival_max_ms=40.0, before=held, after=held,
        problems=("9 orders too many",),
    )  # fmt: skip

    told = soak_lines(found)

    assert told[0] == "messages     1,800,000 in 600 s over 2 lines, 3,000 a second"
    assert any(
        "+1.3 MB an hour steadily, +4.2 by least squares, after 180 s of warm-up" in line for line in told
    )
    assert any("25 tasks, 28 descriptors, 16 streams, 0 orders" in line for line in told)
    assert any("51.0 MB before the filling, 58.0 MB at first" in line for line in told)
    assert any("10,000 changes of the account, 9,400 of the market, filled in 640 s" in line for line in told)
    assert told[-1] == "WRONG        9 orders too many"
    assert any("too few samples" in line for line in soak_lines(replace(found, slope_mb_h=None)))


def test_a_soak_and_a_file_of_frames_are_two_things(tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.write_text("{}")

    result = CliRunner().invoke(command, ["--soak", "1", "--frames", str(frames)])

    assert result.exit_code == 2
    assert "choose one" in result.output
