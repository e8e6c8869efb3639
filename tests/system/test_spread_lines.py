"""Streams spread over two lines: what one loses for long the other takes, and gives back without a gap."""

from __future__ import annotations

from typing import Any

from leadline.clock import NS_PER_S
from leadline.core.connection_life import SILENCE_NS
from leadline.engine.spread import AWAY_NS, STEADY_NS
from leadline.engine.topic_state import RECEIVING
from leadline.errors import ConnectFailed
from leadline.model.market import Channel, Gap, Subscription
from leadline.net.websocket import Socket
from stage import Stage, play

CHANNELS = {Channel.TICKER: 0, Channel.BOOK: 10, Channel.TRADES: 0, Channel.BARS: 60}
WANTED = [
    Subscription(channel, symbol, param)
    for symbol in ("BTC/USD", "ETH/USD")
    for channel, param in CHANNELS.items()
]


def test_a_line_that_stays_away_is_stood_in_for_and_has_its_half_again_once_it_is_steady() -> None:
    sockets: list[Socket] = []
    refusing = False

    def through(socket: Socket) -> Socket:
        if refusing:
            raise ConnectFailed("no way there")
        sockets.append(socket)
        return socket

    async def scene(stage: Stage) -> None:
        nonlocal refusing
        async with stage.system(WANTED, through, lines=2, redundant=False) as system:
            await system.ready()
            events: list[Any] = []
            readings: list[Any] = []
            for symbol in ("BTC/USD", "ETH/USD"):
                system.feed.on_book(symbol, readings.append)
            system.feed.listen(events.append)
            assert [line.carried for line in system.lines.lines] == [4, 4]

            refusing = True
            await sockets[0].close()
            await stage.clock.sleep((SILENCE_NS + AWAY_NS) / NS_PER_S + 5)
            assert [line.connected for line in system.lines.lines].count(True) == 1
            assert {topic.state for topic in system.feed.stats.topics} <= RECEIVING
            await system.ready(0)

            refusing = False
            while not all(line.connected for line in system.lines.lines):
                await stage.clock.sleep(0.1)
            events.clear()
            readings.clear()
            await stage.clock.sleep(STEADY_NS / NS_PER_S + 15)
            assert [line.carried for line in system.lines.lines] == [4, 4]
            assert [event for event in events if isinstance(event, Gap) and event.until_ns is None] == []
            assert len(readings) > 100
            assert all(reading.verified for reading in readings)

    play(scene)
