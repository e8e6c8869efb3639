"""`leadline simulate`: the whole system under seeded faults on virtual time, before a judge."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from typing import Any

import click
import msgspec

from leadline.cli.options import Amount, json_option
from leadline.cli.progress import counting
from leadline.simulation.latency import percentile
from leadline.simulation.report import (
    ACCOUNT_KINDS,
    FALSE_ALARM,
    GAP_UNEXPLAINED,
    MISSED_DIVERGENCE,
    SERVED_WRONG,
    STALE_AS_FRESH,
    Report,
)
from leadline.simulation.run import DEFAULT_MINUTES, LEAST_MINUTES, run_seeds
from leadline.simulation.worlds import KRAKEN, WORLDS, every_plant, venues_of

BOTH = "both"
_SHOWN = 10


@click.command("simulate")
@click.option(
    "--seeds", type=click.IntRange(min=1), required=True, help="How many runs, each of its own seed."
)
@click.option(
    "--first-seed", type=click.IntRange(min=0), default=1, show_default=True, help="The first seed."
)
@click.option(
    "--minutes",
    type=Amount(min=LEAST_MINUTES),
    default=DEFAULT_MINUTES,
    show_default=True,
    help="Virtual minutes of each run.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; as many as there are processors.")
@click.option(
    "--venue",
    type=click.Choice([*WORLDS, BOTH]),
    default=KRAKEN,
    show_default=True,
    help="Whose world to run in; both: each seed in either, counted together.",
)
@click.option("--plant", type=click.Choice(every_plant()), help="Plant a bug that the judge must find.")
@json_option
@click.pass_context
def command(
    context: click.Context,
    seeds: int,
    first_seed: int,
    minutes: float,
    jobs: int | None,
    venue: str,
    plant: str | None,
    as_json: bool,
) -> None:
    """Run client and local exchange on virtual time under faults; exit 1 on any violation."""
    venues = tuple(WORLDS) if venue == BOTH else (venue,)
    _check_plant(plant, venues)
    total = Report()
    processes = min(jobs or os.cpu_count() or 1, seeds)
    with counting("seeds") as progress:
        for done, report in enumerate(run_seeds(first_seed, seeds, minutes, plant, processes, venues), 1):
            total.add(report)
            progress(done, seeds)
    click.echo(json.dumps(_summary(total)) if as_json else "\n".join(_lines(total)))
    if not total.clean:
        context.exit(1)


def _check_plant(plant: str | None, venues: Collection[str]) -> None:
    """Raise BadParameter for a bug that can be planted in none of the venues."""
    known = [] if plant is None else venues_of(plant)
    if plant is not None and not set(known).intersection(venues):
        raise click.BadParameter(
            f"{plant} is planted in {known[0]}: add --venue {known[0]}", param_hint="'--plant'"
        )


def _summary(report: Report) -> dict[str, Any]:
    kinds = report.kinds
    return {
        "seeds": report.seeds,
        "virtual_hours": round(report.virtual_s / 3600, 3),
        "faults": report.faults,
        "books_compared": report.books_compared,
        "trades": report.trades,
        "served_wrong": kinds[SERVED_WRONG],
        "stale_as_fresh": kinds[STALE_AS_FRESH],
        "gaps_unexplained": kinds[GAP_UNEXPLAINED],
        "round_trip_ms": {
            "p50": percentile(report.round_trip_ms, 0.50),
            "p99": percentile(report.round_trip_ms, 0.99),
        },
        "violations": msgspec.to_builtins(report.violations),
        "readings_compared": report.readings_compared,
        "orders": report.orders,
        "fills": report.fills,
        "restarts": report.restarts,
        **{kind: kinds[kind] for kind in ACCOUNT_KINDS},
        "refused_by_fault": report.refused_by_fault,
        "levels_seen": report.levels_seen,
        "failover_ms": {
            "p50": percentile(report.failover_ms, 0.50),
            "p99": percentile(report.failover_ms, 0.99),
            "max": max(report.failover_ms, default=0),
        },
        "failovers": report.failover_ms.total(),
        "false_alarms": kinds[FALSE_ALARM],
        "missed_divergences": kinds[MISSED_DIVERGENCE],
        "differences": report.differences,
    }


def _lines(report: Report) -> list[str]:
    round_trips = [percentile(report.round_trip_ms, share) for share in (0.50, 0.99)]
    lines = [
        f"{report.seeds} seeds, {report.virtual_s / 3600:.2f} virtual hours, {report.faults} faults",
        f"round trips of {round_trips[0]} ms (median) and {round_trips[1]} ms (99 %)",
        f"{report.readings_compared:,} readings compared with the exchange's history",
        f"{report.books_compared:,} of them books",
        f"{report.trades:,} trades on the exchange accounted for",
        f"{report.orders:,} orders and {report.fills:,} fills, {report.restarts} restarts after a kill",
        f"{report.refused_by_fault:,} requests refused through a fault",
        f"{report.failover_ms.total():,} failovers, each within {max(report.failover_ms, default=0)} ms",
        f"service levels {', '.join(report.levels_seen) or 'none'}",
        f"{report.differences} differences between stream and REST that had to be found",
    ]
    if report.clean:
        return [
            *lines,
            "nothing was served wrong, nothing stale as fresh, no gap is unexplained",
            "no order was lost, doubled or misjudged, every fill counts once",
            "no false alarm, no divergence missed, nothing sent that the service level forbids",
        ]
    found = ", ".join(f"{count} × {kind.replace('_', ' ')}" for kind, count in sorted(report.kinds.items()))
    lines.append(f"violations: {found}")
    for one in report.violations[:_SHOWN]:
        lines += [
            f"  {one.kind.replace('_', ' ')} {one.symbol} at {one.at_s:.6f} s of seed {one.seed}",
            f"    seen {one.seen}",
            f"    true {one.true}",
            f"    {one.command}",
        ]
    if len(report.violations) > _SHOWN:
        lines.append(f"  … and {len(report.violations) - _SHOWN} more; --json has them")
    return lines
