from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from binance_verbs import written as in_file
from leadline.app.doctor import examine
from leadline.app.finding import Finding
from leadline.clock import SystemClock
from served import Served, served
from served_binance import ServedBinance, served_binance


async def looked_at(config: Path | None, venue: str | None = None) -> tuple[bool, dict[str, Finding]]:
    findings: list[Finding] = []
    ok = await examine(config, findings.append, venue)
    return ok, {finding.name: finding for finding in findings}


def written(venue: Served, folder: Path) -> Path:
    file = folder / "leadline.yaml"
    file.write_text(venue.yaml())
    return file


async def test_where_everything_works_every_line_says_so(tmp_path: Path) -> None:
    async with served() as venue:
        ok, findings = await looked_at(written(venue, tmp_path))

    assert ok
    assert list(findings) == ["configuration", "versions", "way to 127.0.0.1", "REST", "clock", "WebSocket"]
    assert all(finding.ok and not finding.advice for finding in findings.values())
    assert sys.version.split()[0] in findings["versions"].found


async def test_a_clock_that_is_wrong_is_told_by_how_much(tmp_path: Path) -> None:
    async with served(ahead_s=60) as venue:
        ok, findings = await looked_at(written(venue, tmp_path))

    assert not ok
    assert not findings["clock"].ok
    assert "s behind the venue" in findings["clock"].found
    assert "NTP" in findings["clock"].advice
    assert findings["WebSocket"].ok


async def test_maintenance_is_told(tmp_path: Path) -> None:
    async with served() as venue:
        venue.inject(kind="STATUS", mode="maintenance")
        ok, findings = await looked_at(written(venue, tmp_path))

    assert not ok
    assert "the venue is maintenance" in findings["REST"].found


async def test_an_address_that_the_venue_refuses_is_told_apart_from_a_dead_network(tmp_path: Path) -> None:
    async with served() as venue:
        venue.inject(kind="REFUSE", route="ws", status=403)
        ok, findings = await looked_at(written(venue, tmp_path))

    assert not ok
    assert "HTTP 403" in findings["WebSocket"].found
    assert "refuses this address" in findings["WebSocket"].advice


async def test_a_dead_port_fails_both_ways_and_says_what_to_check(tmp_path: Path) -> None:
    file = tmp_path / "dead.yaml"
    file.write_text(
        "venues: {kraken: {endpoints: {rest: 'http://127.0.0.1:1', ws_public: 'ws://127.0.0.1:1'}}}"
    )

    ok, findings = await looked_at(file)

    assert not ok
    for name in ("REST", "WebSocket"):
        assert "cannot reach 127.0.0.1" in findings[name].found
        assert findings[name].advice


async def test_a_name_that_nobody_knows_is_told(tmp_path: Path) -> None:
    file = tmp_path / "unknown.yaml"
    file.write_text(
        "venues: {kraken: {endpoints: {rest: 'https://x.invalid', ws_public: 'wss://x.invalid'}}}"
    )

    ok, findings = await looked_at(file)

    assert not ok
    assert "the name cannot be resolved" in findings["way to x.invalid"].found
    assert "DNS" in findings["way to x.invalid"].advice


async def test_a_configuration_that_cannot_be_used_ends_it(tmp_path: Path) -> None:
    ok, findings = await looked_at(tmp_path / "absent.yaml")

    assert not ok
    assert not findings["configuration"].ok
    assert list(findings) == ["configuration", "versions"]


def binance_file(venue: ServedBinance, folder: Path, **more: Any) -> Path:
    key = venue.settings.accounts[0].key
    credentials = {"api_key": key.api_key, "api_secret": key.secrets[1]} | more
    return in_file(folder, {"endpoints": asdict(venue.settings.endpoints), "credentials": credentials})


async def test_every_route_and_the_account_of_a_venue_with_contracts_are_looked_at(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        ok, findings = await looked_at(binance_file(venue, tmp_path))
        weight = venue.exchange.weights.used(SystemClock().wall_ns())

    assert ok
    assert weight <= 50, "no more than a snapshot of two books, of the 2400 of a minute"
    assert list(findings)[4:] == [
        "clock", "WebSocket, public streams", "WebSocket, market streams", "WebSocket, account",
        "WebSocket, requests", "account main", "account main: configuration",
    ]  # fmt: skip
    assert findings["account main: configuration"].found.startswith("one-way mode; ")


@pytest.mark.parametrize(("address", "name"), [("ws_private", "account"), ("ws_api", "requests")])
async def test_an_address_that_only_an_account_needs_is_looked_at_too(
    tmp_path: Path, address: str, name: str
) -> None:
    async with served_binance(tmp_path) as venue:
        file = binance_file(venue, tmp_path)
        told = json.loads(file.read_text())
        told["venues"]["binance"]["endpoints"][address] = "ws://127.0.0.1:1/nobody"
        file.write_text(json.dumps(told))
        ok, findings = await looked_at(file)

    assert not ok
    assert [one.name for one in findings.values() if not one.ok] == [f"WebSocket, {name}"]


async def test_a_key_that_may_be_of_the_other_environment_is_found(tmp_path: Path) -> None:
    async with served_binance(tmp_path) as venue:
        ok, findings = await looked_at(binance_file(venue, tmp_path, api_key="x" * 64))

    assert not ok
    assert "does not take the key: was it made for the testnet?" in findings["account main"].advice
    assert "x" * 64 not in f"{findings}"


async def test_both_venues_of_a_file_are_looked_at_by_name(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    rest = "endpoints: {rest: 'http://127.0.0.1:1'}"
    file.write_text(f"venues: {{kraken: {{{rest}}}, binance: {{{rest}}}}}")

    _, findings = await looked_at(file, "binance")
    _, both = await looked_at(file)

    assert "REST" in findings
    assert {"kraken: REST", "binance: REST"} <= both.keys()
