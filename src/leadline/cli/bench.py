"""`leadline bench`: ratios to decoding alone, memory, and end to end over loopback."""

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


@click.command("bench")
@click.option(
    "--frames",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Measure a file of one frame a line instead.",
)
@json_option
def command(frames: Path | None, as_json: bool) -> None:
    """Measure the path from bytes to a subscriber, each figure beside decoding alone in the same run."""

    def progress(what: str) -> None:
        click.echo(f"measuring {what} …", err=True)

    clock = SystemClock()
    work = whole(clock, progress) if frames is None else frames_of(frames, clock, progress)
    report = run(work)
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo("\n".join(_lines(report)))


def _lines(report: Report) -> list[str]:
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
    return lines
