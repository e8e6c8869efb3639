from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from leadline.app.opening import open_system
from leadline.cli.watch import Streams, print_json, print_line, watch
from leadline.errors import Error, Rejected, Stale
from leadline.model.market import Channel, Gap, Trade
from leadline.model.reading import Reading
from served_binance import served_binance
from stage import Stage, play

ALL = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)


def test_every_channel_of_every_symbol_is_a_line_of_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    async def scene(stage: Stage) -> None:
        await watch(stage.system(), Streams(("XBT/USD", "ETH/USD", "BTC/USD"), ALL), 30, as_json=True)

    play(scene)

    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    seen = {(row["kind"], row["symbol"]) for row in rows}
    assert seen == {(channel.value, symbol) for channel in ALL for symbol in ("BTC/USD", "ETH/USD")}
    assert all(row["verified"] for row in rows if row["kind"] == "book" and row["source"] == "stream")


def test_a_cut_is_a_gap_among_the_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="CLOSE", after_s=10, count=1)
        await watch(stage.system(), Streams(("BTC/USD",), (Channel.BOOK,)), 30, as_json=True)

    play(scene)

    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    gaps = [row["value"] for row in rows if row["kind"] == "gap"]
    assert [gap["cause"] for gap in gaps] == ["disconnected", "disconnected"]
    assert [gap["until"] is None for gap in gaps] == [True, False]


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene(stage: Stage) -> None:
        await watch(stage.system(), Streams(("BTC/USD",), (Channel.BOOK,)), 20, as_json=False)

    play(scene)

    lines = capsys.readouterr().out.splitlines()
    assert any("(stream, verified, " in line for line in lines)


def test_one_refused_stream_is_named_and_the_others_go_on(capfd: pytest.CaptureFixture[str]) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(
            kind="SUB_REJECT", symbol="BTC/USD", channel="ticker", error="Currency pair not supported"
        )
        await watch(stage.system(), Streams(("BTC/USD",), (Channel.TICKER, Channel.BOOK)), 30, as_json=True)

    play(scene)

    out, err = capfd.readouterr()
    assert err == "error: ticker BTC/USD: Currency pair not supported\n"
    assert '"kind":"book"' in out


def test_when_everything_is_refused_the_refusal_is_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(
            kind="SUB_REJECT", symbol="BTC/USD", channel="ticker", error="Currency pair not supported"
        )
        with pytest.raises(Rejected, match="not supported"):
            await fail_bare(
                watch(stage.system(), Streams(("BTC/USD",), (Channel.TICKER,)), None, as_json=True)
            )

    play(scene)
    assert capfd.readouterr().err == ""


async def fail_bare(work: Any) -> None:
    """Run it as the command does, with its failure bare of groups."""
    try:
        await work
    except* Error as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from None


def test_a_time_in_which_nothing_comes_is_a_failure() -> None:
    async def scene(stage: Stage) -> None:
        stage.inject(kind="REFUSE", route="all")
        with pytest.raises(Stale, match="nothing came within 5 s"):
            await watch(stage.system(), Streams(("BTC/USD",), (Channel.TICKER,)), 5, as_json=True)

        assert stage.now_s == pytest.approx(5, abs=1)

    play(scene)


def test_gaps_and_readings_print_in_both_forms(capfd: pytest.CaptureFixture[str]) -> None:
    async def scene(stage: Stage) -> None:
        items: list[Reading[Trade] | Gap] = []
        async with stage.system() as system:
            async for item in system.feed.every_trade("BTC/USD"):
                items.append(item)
                break
        print_json(Channel.TRADES, "BTC/USD", items[0])
        print_line(Channel.TRADES, "BTC/USD", items[0])

    play(scene)

    as_json, as_words = capfd.readouterr().out.splitlines()
    assert json.loads(as_json)["kind"] == "trades"
    assert as_words.startswith("BTC/USD  trade   ")


async def test_all_that_a_venue_with_contracts_streams_can_be_watched(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    channels = (Channel.TOP, Channel.MARK, Channel.STATS, Channel.TICKER, Channel.LIQUIDATIONS)
    async with served_binance(tmp_path) as venue:
        system = open_system(venue.settings, ["BTCUSDT"], channels=channels)
        await watch(system, Streams(("BTCUSDT",), channels, depth=7), 4, as_json=True)

    rows = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert {row["kind"] for row in rows} >= {"top", "mark", "stats", "ticker"}
    assert {row["symbol"] for row in rows} == {"BTC/USDT:USDT"}
    assert max(len(row["value"]["bids"]) for row in rows if row["kind"] == "top") == 10
