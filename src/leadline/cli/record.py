"""`leadline record`: every frame of a live stream to a file, verbatim, until told to stop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from leadline.app.config import settings_of
from leadline.app.opening import open_system
from leadline.app.recording import Tap, describe
from leadline.app.system import System
from leadline.cli.options import (
    EVERYWHERE,
    config_option,
    depth_option,
    interval_option,
    json_option,
    read_channels,
    seconds_option,
    shown,
    symbols_argument,
    venue_argument,
)
from leadline.cli.progress import saying
from leadline.cli.runner import run
from leadline.clock import NS_PER_S, SystemClock
from leadline.errors import RecordingError
from leadline.model.market import Channel
from leadline.net.capture import Meta

_LOOK_S = 0.25


@click.command(short_help="Frames to a file.")
@venue_argument
@symbols_argument
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The file; gzip where it ends in .gz."
)
@click.option(
    "--channels",
    default=",".join(channel.value for channel in EVERYWHERE),
    show_default=True,
    callback=read_channels,
    help="Separated by commas.",
)
@depth_option
@interval_option
@seconds_option
@config_option
@json_option
def command(
    venue: str,
    symbols: tuple[str, ...],
    out: Path,
    channels: tuple[Channel, ...],
    depth: int,
    interval_min: int,
    seconds: float | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Write every frame of SYMBOLs to a file, verbatim, with time and direction; Ctrl-C ends it well."""
    settings = settings_of(config, venue)

    def meta() -> Meta:
        return describe(system.market, symbols, depth)

    tap = Tap(out, SystemClock(), meta)
    system = open_system(
        settings,
        symbols,
        channels=channels,
        depth=depth,
        interval_s=interval_min * 60,
        through=tap,
        answers=tap.answers,
    )
    try:
        with tap:
            run(keep_recording(system, tap, seconds), stopped=0)
    finally:
        if tap.records:
            _tell(tap, out, as_json)


async def keep_recording(system: System, tap: Tap, seconds: float | None) -> None:
    """Keep the system running until the time is up.

    Raises what ends its line, a full disk for one, and RecordingError when nothing has come in time.
    """
    try:
        async with asyncio.timeout(seconds), system:
            begun_ns = system.clock.mono_ns()
            with saying() as say:
                while system.failure is None:
                    passed_s = (system.clock.mono_ns() - begun_ns) / NS_PER_S
                    why = system.lines.last_error
                    trouble = "; connecting" if why is None else f"; not connected: {why}"
                    connected = system.lines.connected
                    say(f"{tap.records} records in {passed_s:.0f} s{'' if connected else trouble}")
                    await system.clock.sleep(_LOOK_S)
            raise system.failure
    except TimeoutError:
        if not tap.records:
            raise RecordingError(f"nothing came within {seconds:g} s, so there is no recording") from None


def _tell(tap: Tap, out: Path, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode({"file": shown(out), "records": tap.records}).decode())
    else:
        click.echo(f"{tap.records} records in {out}; prove them with: leadline replay {out}")
