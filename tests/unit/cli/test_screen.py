from __future__ import annotations

import asyncio
import io

from rich.console import Console

from leadline.app.system import System
from leadline.cli.screen import Screen
from leadline.cli.watch import Streams
from leadline.model.market import Channel
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
