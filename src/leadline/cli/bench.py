"""`leadline bench`: ratios to decoding alone, memory, end to end over loopback, and the way of an order."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from leadline.bench.filling import Kept
from leadline.bench.liveness import TIME_OUTS_S
from leadline.bench.run import Report, frames_of, whole
from leadline.bench.soak import Held, Soak
from leadline.bench.soaking import soak
from leadline.cli.options import Amount, json_option
from leadline.cli.runner import run
from leadline.clock import Clock, SystemClock

LONGEST_SOAK_MIN = 24 * 60

_TITLES = {
    "kraken_book10": "one book, depth 10",
    "kraken_book100": "one book, depth 100",
    "kraken_mixed_50": "50 instruments, every channel",
    "binance_depth": "one book of Binance",
    "binance_mixed_50": "50 contracts of it, every channel",
    "frames": "the frames of the file",
}
_SUBMITS = {
    "order_submit": "orders of 50 submitters",
    "order_submit_1": "orders of one submitter",
}


@click.command("bench")
@click.option(
    "--frames",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure a file of one frame a line instead, each book's snapshot first.",
)
@click.option(
    "--soak",
    "minutes",
    type=Amount(min=0, min_open=True, max=LONGEST_SOAK_MIN),
    help="Run the whole client under trouble for so many minutes instead: does memory grow?",
)
@json_option
def command(frames: Path | None, minutes: float | None, as_json: bool) -> None:
    """Measure the path from bytes to a subscriber, each figure beside decoding alone in the same run.

    Then the path of an order: from the call to its first byte, its record on disk in between, beside what
    one fsync costs there; and to the venue's answer over loopback. Last, what is made of silences, beside
    fixed time-outs.

    With --soak: one client, an emulator in another process, about 3 000 messages a second over two lines,
    which are cut again and again, once all that is kept is full, which takes ten minutes by itself. Exit 1
    when memory grows or anything stays behind.
    """
    clock = SystemClock()
    if minutes is not None:
        if frames is not None:
            raise click.UsageError("--soak measures a running client and --frames a file; choose one")
        _soak(minutes, clock, as_json)
        return

    def progress(what: str) -> None:
        click.echo(f"measuring {what} …", err=True)

    work = whole(clock, progress) if frames is None else frames_of(frames, clock, progress)
    report = run(work)
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo("\n".join(lines_of(report)))


def _soak(minutes: float, clock: Clock, as_json: bool) -> None:
    found = run(soak(minutes * 60, clock, lambda line: click.echo(line, err=True)))
    click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(soak_lines(found)))
    raise click.exceptions.Exit(1 if found.problems else 0)


def soak_lines(found: Soak) -> list[str]:
    """The result of a soak in words."""
    took = f"in {found.seconds:.0f} s over {found.lines} lines"
    growth = "too few samples for a slope"
    if found.slope_mb_h is not None and found.steady_mb_h is not None:
        growth = f"{found.steady_mb_h:+.1f} MB an hour steadily, {found.slope_mb_h:+.1f} by least squares,"
    memory = (found.memory_empty_mb, found.memory_first_mb, found.memory_last_mb, found.memory_most_mb)
    rows = {
        "messages": f"{found.messages:,} {took}, {found.messages_s:,.0f} a second",
        "trouble": f"{found.cuts} cuts, {found.reconnects} reconnects, {found.switches} switches of line",
        "": f"{found.gaps} gaps told; {found.joined} times a stream was joined and left",
        "orders": f"{found.orders} placed and cancelled, {found.orders_refused} refused",
        "memory": f"{growth} after {found.warm_up_s:.0f} s of warm-up",
        " ": "{:.1f} MB before the filling, {:.1f} MB at first, {:.1f} MB at last, at most {:.1f} MB".format(
            *memory
        ),
        "to readers": f"p99 {found.delivery_p99_us:.0f} µs, at most {found.delivery_max_ms:.1f} ms",
        "to us": f"p99 {found.arrival_p99_ms:.1f} ms, at most {found.arrival_max_ms:.1f} ms",
        "held first": _held(found.before),
        "held last": _held(found.after),
        "kept first": f"{_kept(found.kept_first)}, filled in {found.filled_s:.0f} s",
        "kept last": _kept(found.kept_last),
    }
    return [
        *(f"{name:12} {words}" for name, words in rows.items()),
        *(f"WRONG        {one}" for one in found.problems),
    ]


def _held(held: Held) -> str:
    return f"{held.tasks} tasks, {held.descriptors} descriptors, {held.streams} streams, {held.orders} orders"


def _kept(kept: Kept) -> str:
    return f"{kept.orders:,} orders, {kept.account:,} changes of the account, {kept.market:,} of the market"


def lines_of(report: Report) -> list[str]:
    """The figures in words, those that were measured."""
    lines = []
    for name, title in _TITLES.items():
        if figures := report.get(name):
            lines.append(
                f"{title:32} {figures['us']:6.2f} µs a frame, {figures['ratio']:.2f} × decoding alone"
                f" ({figures['yardstick_us']:.2f} µs), {figures['messages_s']:,} a second"
            )
    if start := report.get("startup_150_symbols"):
        lines.append(
            f"{'150 books of Binance at start':32} live after {start['seconds']:.1f} s,"
            f" {start['certain_depth']} levels a side certain, at most"
            f" {start['weight_peak_minute']:,} of 2,400 weight a minute"
        )
    if memory := report.get("memory"):
        lines.append(f"{'1 000 tickers':32} {memory['tickers_1000_mb']:6.2f} MB above the empty system")
    if snapshot := report.get("snapshot"):
        lines.append(
            f"{'a snapshot of 1 000 instruments':32} {snapshot['changed_ms']:.2f} ms when all have changed,"
            f" {snapshot['same_ms']:.2f} ms when none has"
        )
    if ends := report.get("end_to_end"):
        share = ends["messages_s"] / ends["bare_reader_messages_s"]
        slower = ends["p50_us"] / ends["bare_p50_us"]
        lines.append(
            f"{'over loopback, saturated':32} {ends['messages_s']:,} a second, {share:.0%} of a bare"
            f" reader's {ends['bare_reader_messages_s']:,}"
        )
        lines.append(
            f"{'over loopback, 5 000 a second':32} p50 {ends['p50_us']:.0f} µs, {slower:.2f} × a bare"
            f" reader's {ends['bare_p50_us']:.0f} µs; p99 {ends['p99_us']:.0f} µs"
        )
    return lines + _order_lines(report) + _silence_lines(report)


def _silence_lines(report: Report) -> list[str]:
    lines = []
    for name, figures in report.items():
        if name.startswith("silence_"):
            asked, p50_s, p99_s = (
                figures[f"learned_{each}"] for each in ("questions_h", "dead_p50_s", "dead_p99_s")
            )
            fixed = "; ".join(
                f"{bound_s:.0f} s fixed {figures[f'{bound_s:.0f}s_questions_h']:.1f}"
                for bound_s in TIME_OUTS_S
            )
            feed = name.removeprefix("silence_").replace("_", " ")
            lines.append(
                f"{'silence of a feed, ' + feed:32} found after p50 {p50_s:.1f}, p99 {p99_s:.1f} s,"
                f" {asked:.1f} times an hour in vain ({fixed})"
            )
    return lines


def _order_lines(report: Report) -> list[str]:
    lines = []
    for name, title in _SUBMITS.items():
        if figures := report.get(name):
            lines.append(
                f"{title:32} p50 {figures['p50_us']:.0f}, p99 {figures['p99_us']:.0f} µs to the first byte,"
                f" {figures['orders_s']:.0f} a second; an fsync {figures['fsync_us']:.0f} µs"
            )
    if turns := report.get("order_loop"):
        lines.append(
            f"{'event loop meanwhile':32} at most {turns['loop_blocked_ms_max']:.2f} ms without a turn,"
            f" {turns['loop_busy_ms_max']:.2f} ms of it at work"
        )
    if burst := report.get("order_burst"):
        lines.append(f"{'a burst':32} {burst['orders']} orders answered in {burst['seconds']:.3f} s")
    if trip := report.get("order_round_trip"):
        lines.append(
            f"{'order there and back, loopback':32} p50 {trip['p50_us']:.0f} µs, p99 {trip['p99_us']:.0f} µs"
        )
    return lines
