"""`leadline doctor`: one line for each thing that must work, and what to do where it does not."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from leadline.app.doctor import examine
from leadline.app.finding import Finding
from leadline.cli.account import venue_option
from leadline.cli.options import config_option, json_option
from leadline.cli.runner import run


@click.command(short_help="What works and what does not.")
@config_option
@venue_option
@json_option
def command(config: Path | None, venue: str | None, as_json: bool) -> None:
    """Check configuration, network, certificates, clock and versions; exits with 1 when something fails."""
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            _say(finding)

    ok = run(examine(config, tell, venue))
    if as_json:
        click.echo(msgspec.json.encode({"ok": ok, "checks": findings}).decode())
    else:
        click.echo("\nEverything works." if ok else "\nNot everything works; see the lines marked ✗.")
    click.get_current_context().exit(0 if ok else 1)


def _say(finding: Finding) -> None:
    mark = click.style("✓", fg="green") if finding.ok else click.style("✗", fg="red")
    click.echo(f"{mark} {finding.name}: {finding.found}")
    if finding.advice:
        click.echo(f"  → {finding.advice}")
