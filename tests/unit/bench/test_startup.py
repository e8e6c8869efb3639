"""When all books are live, and how deep."""

from __future__ import annotations

from leadline.bench.binance_frames import contracts_of_many, mixed_binance_frames
from leadline.bench.binance_processing import BinancePipeline, binance
from leadline.bench.startup import Startup, certain_depth
from leadline.clock import SystemClock
from leadline.model.market import Channel


async def test_books_are_as_deep_as_the_shallowest_and_not_at_all_before_the_last_is_live() -> None:
    contracts = contracts_of_many(2)
    symbols = [contract.unified for contract in contracts]
    pipeline = BinancePipeline(await binance(contracts, SystemClock()), SystemClock())
    pipeline.subscribe(symbols[0], (Channel.BOOK,), 20)
    pipeline.subscribe(symbols[1], (Channel.BOOK,), 10)
    pipeline.ask()
    heard = mixed_binance_frames(contracts, 2000)
    receive = pipeline.receiver(heard)
    seen = []
    for each in heard:
        receive(each.text)
        seen.append(certain_depth(pipeline.sessions.values(), symbols))

    assert seen[0] == 0
    assert seen[-1] == 10
    assert certain_depth(pipeline.sessions.values(), symbols[:1]) == 20
    assert certain_depth(pipeline.sessions.values(), [*symbols, "NIL/USDT:USDT"]) == 0


def test_the_figures_are_told_by_their_names() -> None:
    assert Startup(45.2, 1543, 500).as_json() == {
        "seconds": 45.2,
        "weight_peak_minute": 1543,
        "certain_depth": 500,
    }
