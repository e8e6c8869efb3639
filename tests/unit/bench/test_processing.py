"""The benchmark measures what a trader runs."""

from __future__ import annotations

from leadline.app.opening import open_system
from leadline.bench.frames import book_frames, mixed_frames
from leadline.bench.processing import CHANNELS, Pipeline, market
from leadline.clock import ManualClock
from leadline.emulator.instruments import DEMO_PAIRS, synthetic
from leadline.model.market import Channel


async def test_the_measured_objects_are_those_that_watch_uses() -> None:
    system = open_system("kraken", ["BTC/USD"])
    pipeline = Pipeline(await market(DEMO_PAIRS, ManualClock()), ManualClock())

    assert type(pipeline.session) is type(system.lines.sessions[0])
    assert type(pipeline.feed) is type(system.feed)
    assert type(pipeline.feed.receive.__self__) is type(system.feed.receive.__self__)


async def test_every_measured_book_frame_is_proven_and_reaches_the_subscriber() -> None:
    frames = book_frames(10, 200)
    pipeline = Pipeline(await market(DEMO_PAIRS, ManualClock()), ManualClock())
    pipeline.subscribe("BTC/USD", (Channel.BOOK,), 10)
    pipeline.ask()

    for frame in frames:
        pipeline.receive(frame)

    assert pipeline.listener.calls == len(frames)
    [topic] = pipeline.feed.stats.topics
    assert topic.updates == len(frames)


async def test_every_mixed_frame_reaches_a_subscriber() -> None:
    pairs = synthetic(5)
    frames = mixed_frames(5, 400)
    pipeline = Pipeline(await market(pairs, ManualClock()), ManualClock())
    for pair in pairs:
        pipeline.subscribe(pair.symbol, CHANNELS, 10)
    pipeline.ask()

    for frame in frames:
        pipeline.receive(frame)

    assert pipeline.listener.calls >= len(frames)
