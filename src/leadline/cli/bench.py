"""`leadline bench`: ratios to decoding alone, memory, end to end over loopback, and the way of an order."""

from __future__ import annotations

import json
from pathlib import Path

import click

from leadline.bench.run import Report, frames_of, whole
from leadline.cli.options import json_option
from leadline.cli.run import run
from leadline.clock import SystemClock

_TITLES = {
    "kraken_book10": "one book, depth 10",
    "kraken_book100": "one book, depth 100",
    "kraken_mixed_50": "50 instruments, every channel",
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
    help="Measure a file of one frame a line instead.",
)
@json_option
def command(frames: Path | None, as_json: bool) -> None:
    """Measure the path from bytes to a subscriber, each figure beside decoding alone in the same run.

    Then the path of an order: from the call to its first byte, its record on disk in between, beside what
    one fsync costs there; and to the venue's answer over loopback.
    """

    def progress(what: str) -> None:
        click.echo(f"measuring {what} …", err=True)

    clock = SystemClock()
    work = whole(clock, progress) if frames is None else frames_of(frames, clock, progress)
    report = run(work)
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo("\n".join(lines_of(report)))


def lines_of(report: Report) -> list[str]:
    """The figures in words, those that were measured."""
    lines = []
    for name, title in _TITLES.items():
        if figures := report.get(name):
            lines.append(
                f"{title:32} {figures['us']:6.2f} µs a frame, {figures['ratio']:.2f} × decoding alone"
                f" ({figures['yardstick_us']:.2f} µs), {figures['messages_s']:,} a second"
            )
    if memory := report.get("memory"):
        lines.append(f"{'1 000 tickers':32} {memory['tickers_1000_mb']:6.2f} MB above the empty system")
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
    return lines + _order_lines(report)


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
