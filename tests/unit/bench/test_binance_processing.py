"""The benchmark of Binance measures what a trader runs, and only what is proven."""

from __future__ import annotations

import pytest

from leadline.app.opening import open_system
from leadline.bench.binance_frames import (
    REST,
    Heard,
    contracts_of_many,
    contracts_of_one_book,
    depth_frames,
    mixed_binance_frames,
)
from leadline.bench.binance_processing import CHANNELS, DEPTH, BinancePipeline, binance, binance_pace
from leadline.clock import SystemClock
from leadline.errors import RecordingError
from leadline.model.market import Channel

BTC = "BTC/USDT:USDT"


async def played(heard: list[Heard]) -> BinancePipeline:
    pipeline = BinancePipeline(await binance(contracts_of_one_book(), SystemClock()), SystemClock())
    pipeline.subscribe(BTC, (Channel.BOOK,), DEPTH)
    pipeline.ask()
    receive = pipeline.receiver(heard)
    for each in heard:
        receive(each.text)
    return pipeline


async def test_the_measured_objects_are_those_that_watch_uses() -> None:
    system = open_system("binance", [BTC])
    pipeline = BinancePipeline(await binance(contracts_of_one_book(), SystemClock()), SystemClock())

    assert {type(one) for one in pipeline.sessions.values()} == {type(one) for one in system.lines.sessions}
    assert set(pipeline.sessions) == set(system.lines.by_name)
    assert type(pipeline.feed.receive.__self__) is type(system.feed.receive.__self__)


async def test_every_message_of_a_book_is_proven_and_reaches_the_subscriber() -> None:
    heard = depth_frames(200)
    pipeline = await played(heard)

    assert pipeline.unproven() == []
    assert pipeline.listener.calls == len(heard) - 1  # the first message and its snapshot are one book


async def test_a_book_that_lost_a_message_is_unproven() -> None:
    heard = depth_frames(50)
    del heard[20]

    assert (await played(heard)).unproven() == [BTC]


async def test_a_book_without_a_snapshot_is_unproven() -> None:
    heard = [each for each in depth_frames(50) if each.route != REST]

    assert (await played(heard)).unproven() == [BTC]


async def test_what_is_unproven_has_no_pace() -> None:
    market = await binance(contracts_of_one_book(), SystemClock())
    heard = depth_frames(20)[2:]

    with pytest.raises(RecordingError, match=r"BTC/USDT:USDT .* put the book by REST first"):
        binance_pace(market, SystemClock(), heard, [BTC], (Channel.BOOK,))
    assert len(market.snapshots) == 0


async def test_every_channel_of_a_mixed_session_reaches_a_subscriber() -> None:
    contracts = contracts_of_many(3)
    pipeline = BinancePipeline(await binance(contracts, SystemClock()), SystemClock())
    for contract in contracts:
        pipeline.subscribe(contract.unified, CHANNELS, DEPTH)
    pipeline.ask()
    heard = mixed_binance_frames(contracts, 2000)
    receive = pipeline.receiver(heard)
    for each in heard:
        receive(each.text)

    assert pipeline.unproven() == []
    assert all(pipeline.feed.updates[channel] for channel in CHANNELS)
