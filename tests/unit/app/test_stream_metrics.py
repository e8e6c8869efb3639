from __future__ import annotations

import time
from collections import Counter
from typing import Any

from prometheus_client.core import Metric

from feedrig import BTC, ETH, Rig, running
from leadline.app.stream_metrics import (
    OTHER,
    check_metrics,
    read_metrics,
    stream_metrics,
    time_metrics,
)
from leadline.core.crosscheck import Divergence
from leadline.engine.divergences import Standing
from leadline.engine.events import ReaderLags, ReaderSlow
from leadline.engine.tallies import Tallies
from leadline.engine.topics import LINGER_S
from leadline.errors import Rejected
from leadline.model.market import Channel, Gap, GapCause, Subscription

MANY = [f"S{number:04}/USD" for number in range(1000)]


def found(rig: Rig, most: int = 50, *, connected: bool = True) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    return read(*stream_metrics(rig.feed, rig.feed.stats, most, lambda subscription: connected))


def read(*families: Metric) -> dict[tuple[str, ...], float]:
    return {
        (sample.name.removeprefix("leadline_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


async def test_wanted_is_live_and_refused_and_what_is_explained() -> None:
    async with running() as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.TICKER, symbol)
        rig.feed.hold(Channel.TRADES, BTC)
        rig.say(rig.ticker())
        rig.session.refuse(Subscription(Channel.TICKER, ETH), Rejected("no"), rig.now)

        told = found(rig)
        desired, live, refused = (told[f"subscriptions_{kind}",] for kind in ("desired", "live", "refused"))
        assert (desired, live, refused) == (3, 1, 1)
        states = {key[1]: value for key, value in told.items() if key[0] == "streams"}
        assert (states["live"], states["refused"], states["acked_no_data"]) == (1, 1, 1)
        assert sum(states.values()) == desired


async def test_a_stream_that_never_spoke_one_that_stopped_and_one_without_a_line_are_told_apart() -> None:
    async with running() as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.TICKER, symbol)
        rig.say(rig.ticker())
        rig.cut()

        assert found(rig, connected=False)["streams", "lost_with_line"] == 1
        rig.connect()
        told = found(rig)
        assert (told["streams", "lost"], told["streams", "acked_no_data"]) == (1, 1)


async def test_a_thousand_symbols_have_no_more_rows_than_are_allowed_and_the_rest_one() -> None:
    async with running(symbols=MANY) as rig:
        for symbol in MANY:
            rig.feed.hold(Channel.TICKER, symbol)
            if symbol != MANY[-1]:
                rig.say(rig.ticker(symbol=symbol))
        told = found(rig, 20)

        rows = Counter(key[0] for key in told)
        assert rows["stream_receiving"] == rows["stream_age_seconds"] == rows["confidence"] == 21
        assert max(rows.values()) == 21
        assert told["stream_receiving", "ticker", MANY[0]] == 1
        assert told["stream_receiving", "ticker", OTHER] == 0  # one of them does not
        assert told["updates_total", "ticker"] == 999
        begun = time.perf_counter()
        found(rig, 20)
        assert time.perf_counter() - begun < 0.5


async def test_the_oldest_of_the_others_is_told() -> None:
    async with running() as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.TICKER, symbol)
        rig.say(rig.ticker(symbol=ETH))
        await rig.passes(3)
        rig.say(rig.ticker(symbol=BTC))

        told = found(rig, 0)
        assert told["stream_age_seconds", "ticker", OTHER] == 3.0


async def test_what_a_stream_has_counted_stays_counted_when_nobody_reads_it_any_more() -> None:
    async with running() as rig:
        stop = rig.feed.hold(Channel.TICKER, BTC)
        rig.say(rig.ticker())
        stop()
        await rig.passes(LINGER_S + 5)

        told = found(rig)
        assert (told["subscriptions_desired",], told["updates_total", "ticker"]) == (0, 1)


async def test_reads_and_what_readers_missed_are_counted() -> None:
    tallies = Tallies()
    async with running() as rig:
        rig.feed.on_ticker(BTC, lambda reading: None)
        rig.say(rig.ticker())
        events: list[Any] = [
            ReaderSlow("mine", dropped=1),
            Gap(Channel.TRADES, BTC, GapCause.OVERFLOW, 0, 1, 9),
            ReaderLags("mine", 300.0),
        ]
        for event in events:
            tallies.hear(event)
        told = read(*read_metrics(rig.feed, rig.feed.stats, tallies))

        assert (told["reads_total", "stream"], told["reads_total", "rest"]) == (1, 0)
        assert told["stream_share_low",] == 0
        missed = [told[f"reader_{what}_total",] for what in ("overflows", "drops", "lags", "failures")]
        assert missed == [1, 9, 1, 0]


async def test_divergences_of_market_and_account_are_told_by_channel() -> None:
    both = Divergence("balance", "BTC", "total", "1", "2", 1.0, 0, 1, 1)
    async with running() as rig:
        told = read(*check_metrics(rig.feed, (Standing(both, 0, "", None),)))

    standing = {key[1]: value for key, value in told.items() if key[0] == "divergences_open"}
    assert standing == {"ticker": 0, "book": 0, "mark": 0, "balance": 1, "orders": 0}


async def test_the_way_to_the_reader_is_timed_by_channel() -> None:
    async with running() as rig:
        seen: list[Any] = []
        task = rig.feed.every_ticker(BTC)
        rig.feed.on_ticker(BTC, seen.append)
        await task.aclose()
        for _ in range(200):
            rig.clock.advance(0.000_000_001)
            rig.say(rig.ticker())
        told = read(*time_metrics(rig.feed))

        assert len(seen) == 200
        assert told["receipt_to_delivery_seconds_count", "ticker"] > 0
        assert told["receipt_to_delivery_seconds_count", "book"] == 0
        assert ("receipt_to_delivery_seconds_count", OTHER) in told
        assert ("rest_answer_seconds_count",) in told
