from __future__ import annotations

import asyncio
import io
from decimal import Decimal

from rich.console import Console

from leadline.app.system import System
from leadline.cli.screen import Screen
from leadline.cli.watch import Streams
from leadline.model.market import Channel, DayStats, FrozenBook, Liquidation, MarkPrice, Side
from leadline.model.market import Level as BookLevel
from leadline.model.reading import Reading, Source
from stage import Stage, play

ALL = (Channel.TICKER, Channel.BOOK, Channel.TRADES, Channel.BARS)


def drawn(screen: Screen) -> str:
    text = io.StringIO()
    Console(file=text, width=160, height=60).print(screen.picture())
    return text.getvalue()


async def watched(system: System, stage: Stage, *symbols: str, channels: tuple[Channel, ...] = ALL) -> Screen:
    """A screen that has been shown a few seconds of readings."""
    streams = Streams(symbols, channels)
    with Screen(system, symbols, channels, Console(file=io.StringIO(), width=160)) as screen:
        task = asyncio.ensure_future(streams.follow(system, screen.take))
        for _ in range(8):
            await stage.clock.sleep(1)
            screen.draw()
        task.cancel()
        await asyncio.wait([task])
    return screen


def test_one_symbol_has_its_ladder_trades_and_proof() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            text = drawn(await watched(system, stage, "BTC/USD"))

        assert "● connected" in text
        assert "4 of 4 streams receiving" in text
        assert "✓ top 10" in text
        assert "bids" in text
        assert "quantity" in text
        assert "the venue says: online" in text

    play(scene)


def test_several_symbols_have_a_row_each_in_the_order_given() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            text = drawn(await watched(system, stage, "ETH/USD", "BTC/USD", channels=(Channel.TICKER,)))

        assert text.index("ETH/USD") < text.index("BTC/USD")
        assert "✓" not in text
        assert "bids" not in text

    play(scene)


def test_before_the_first_reading_a_row_says_that_it_waits() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            text = drawn(Screen(system, ["BTC/USD"], ALL, Console(file=io.StringIO())))

        assert "● not connected: connecting" in text
        assert "waiting" in text

    play(scene)


def test_a_lost_line_and_its_gap_are_shown() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            await watched(system, stage, "BTC/USD")
            stage.inject(kind="REFUSE", route="ws")
            stage.network.cut()
            text = drawn(await watched(system, stage, "BTC/USD", channels=(Channel.TICKER, Channel.BOOK)))

        assert "● not connected: " in text
        assert "rest" in text
        assert "none" in text
        assert "still open, disconnected" in text

    play(scene)


def test_frames_that_were_not_understood_are_counted() -> None:
    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            screen = await watched(system, stage, "BTC/USD")
            system.lines.sessions[0].received(b"nonsense", stage.network.now_ns)
            text = drawn(screen)

        assert "1 frames not understood" in text

    play(scene)


def test_what_only_contracts_have_fills_the_row_as_well() -> None:
    level, one = BookLevel(Decimal("7.5"), Decimal(1)), Decimal("1.25")

    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            channels = (Channel.TOP, Channel.STATS, Channel.MARK)
            with Screen(system, ["BTC/USD"], channels, Console(file=io.StringIO(), width=160)) as screen:
                for channel, value in (
                    (Channel.MARK, MarkPrice("BTC/USD", Decimal("3.14"), None, None, None)),
                    (Channel.TOP, FrozenBook("BTC/USD", (level,), ())),
                ):
                    reading = Reading(value, Source.STREAM, stage.clock.mono_ns(), stage.clock, False, 5.0)
                    screen.take(channel, "BTC/USD", reading)
                first = drawn(screen)
                stats = DayStats("BTC/USD", *[Decimal("2.71")] * 8, one, 7)
                reading = Reading(stats, Source.STREAM, stage.clock.mono_ns(), stage.clock, False, 5.0)
                screen.take(Channel.STATS, "BTC/USD", reading)
                second = drawn(screen)

        assert "7.5" in first
        assert "3.14" in first
        assert "2.71" in second
        assert "+1.25 %" in second

    play(scene)


def shown(width: int, *values: tuple[Channel, object], channels: tuple[Channel, ...]) -> str:
    """The screen of a terminal so wide, once these have come."""
    texts: list[str] = []

    async def scene(stage: Stage) -> None:
        async with stage.system() as system:
            console = Console(file=io.StringIO(), width=width)
            with Screen(system, ["BTC/USD"], channels, console) as screen:
                for channel, value in values:
                    reading = Reading(value, Source.STREAM, stage.clock.mono_ns(), stage.clock, False, 5.0)
                    screen.take(channel, "BTC/USD", reading)
                text = io.StringIO()
                Console(file=text, width=width).print(screen.picture())
                texts.append(text.getvalue())

    play(scene)
    return texts[0]


def test_a_mark_price_that_is_watched_is_shown_with_its_funding() -> None:
    mark = MarkPrice("BTC/USD", Decimal("63400.23803021"), None, Decimal("-0.00012345"), None)
    text = shown(110, (Channel.MARK, mark), channels=(Channel.MARK,))

    assert "63400.2 " in text and "-0.0123 %" in text
    assert "funding" not in shown(110, channels=(Channel.TICKER,))


def test_where_there_is_little_room_the_mark_price_stands_for_the_last() -> None:
    mark = MarkPrice("BTC/USD", Decimal("63400.23803021"), None, Decimal("0.0001"), None)
    text = shown(80, (Channel.MARK, mark), channels=(Channel.TICKER, Channel.BOOK, Channel.MARK))
    head = next(line for line in text.splitlines() if "symbol" in line)

    assert "mark" in head and "last" not in head and "…" not in text


def test_liquidations_that_are_watched_are_shown_one_by_one() -> None:
    forced = Liquidation("BTC/USD", Side.SELL, Decimal("0.75"), Decimal("61000.5"), Decimal("61010.5"))
    text = shown(110, (Channel.LIQUIDATIONS, forced), channels=(Channel.LIQUIDATIONS,))

    assert "liquidations" in text and "trades" not in text
    assert "61000.5" in text and "0.75" in text
