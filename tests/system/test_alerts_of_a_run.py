"""`leadline run` as a process: its page is read, a fault trips its alert, an address is told once each."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from commands import begun, leadline, stop
from free_port import free_port
from receiver import receiver

FILE = """
emulator: {{port: {emulator}, account: demo}}
venues:
  kraken: {{symbols: [BTC/USD, ETH/USD], channels: [ticker, book]}}
metrics: {{port: {metrics}, symbols: 1}}
alerts: {{webhook: "{webhook}"}}
log: {{format: json}}
state_dir: {state}
"""


def until(process: subprocess.Popen[str], words: str) -> dict[str, Any]:
    """The next line of the log with these words."""
    assert process.stderr is not None
    for text in process.stderr:
        line: dict[str, Any] = json.loads(text)
        if line["event"] == words:
            return line
    raise AssertionError(f"it ended without saying {words!r}")


async def test_a_fault_is_on_the_page_in_the_report_in_the_log_and_at_the_address(tmp_path: Path) -> None:
    async with receiver() as hook, aiohttp.ClientSession() as client:
        metrics, config = free_port(), tmp_path / "leadline.yaml"
        ports = {"emulator": free_port(), "metrics": metrics}
        config.write_text(FILE.format(**ports, webhook=hook.address, state=tmp_path / "state"))
        with begun("run", config) as process:
            control = await asyncio.to_thread(
                until, process, "the emulator stands in for the venue: all is invented"
            )
            await asyncio.to_thread(until, process, "reached: ready")
            fault = {"venue": "kraken", "kind": "STATUS", "mode": "post_only", "for_s": 4}
            async with client.post(f"{control['control']}/faults", json=fault) as response:
                assert response.status in (200, 201)

            alert = await asyncio.to_thread(until, process, "alert")
            async with client.get(f"http://127.0.0.1:{metrics}/metrics") as response:
                page = await response.text()
            report = await asyncio.to_thread(leadline, "report", "--config", config, "--json")
            over = await asyncio.to_thread(until, process, "alert is over")
            await hook.hears("VenueLimits", "firing", "resolved")
            done = stop(process, signal.SIGTERM)

    assert alert["alert"] == over["alert"] == "VenueLimits (mode post_only)"
    assert alert["level"] == over["level"] == "warning"
    families = {family.name: family for family in text_string_to_metric_families(page)}
    modes = {sample.labels["mode"]: sample.value for sample in families["leadline_venue_mode"].samples}
    assert (modes["post_only"], modes["online"]) == (1, 0)
    symbols = {sample.labels["symbol"] for sample in families["leadline_stream_receiving"].samples}
    assert symbols == {"BTC/USD", "other"}
    assert report.rows[0]["alerts"] == ["VenueLimits (mode post_only)"]
    assert {each["rule"] for each in hook.told} == {"VenueLimits"}
    assert len({each["id"] for each in hook.told}) == len(hook.told) == 2
    assert done.code == 0
    assert hook.address not in done.err
