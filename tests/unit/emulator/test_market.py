from __future__ import annotations

from emulated import OTHER, QUIET, START_NS, S
from leadline.emulator.instruments import DEMO_PAIRS, Pair, synthetic
from leadline.emulator.market import NEVER, Batch, Market
from leadline.emulator.matching import BID, Order


def market_of(seed: int = 1, rate: float = 200) -> Market:
    return Market((QUIET, OTHER), seed=seed, rate=rate, start_ns=START_NS, history_minutes=30)


def played(market: Market, step_ns: int, seconds: int = 5) -> list[object]:
    log: list[object] = []
    market.listeners.append(
        lambda batch: log.append((batch.symbol, batch.time_ns, batch.changes, batch.trades))
    )
    now_ns = START_NS
    while now_ns < START_NS + seconds * S:
        now_ns += step_ns
        market.advance(min(now_ns, START_NS + seconds * S))
    return log


def test_the_same_seed_gives_the_same_market_however_often_it_is_advanced() -> None:
    assert played(market_of(), 5 * S) == played(market_of(), S // 7)


def test_another_seed_gives_another_market() -> None:
    assert played(market_of(1), 5 * S) != played(market_of(2), 5 * S)


def test_events_come_at_about_the_rate() -> None:
    assert 1_600 < len(played(market_of(), S, seconds=10)) < 2_200


def test_trade_ids_are_consecutive_per_pair() -> None:
    market = market_of()
    market.advance(START_NS + 20 * S)
    for listing in market.listings.values():
        ids = [trade.trade_id for trade in listing.tape.trades]
        assert len(ids) > 20
        assert ids == list(range(ids[0], ids[0] + len(ids)))


def test_a_book_never_crosses_and_never_runs_dry() -> None:
    market = Market(DEMO_PAIRS, seed=3, rate=2_000, start_ns=START_NS, history_minutes=0)

    def check(batch: Batch) -> None:
        bid, ask = batch.listing.best
        assert bid is not None
        assert ask is not None
        assert 0 < bid[0] < ask[0]

    market.listeners.append(check)
    market.advance(START_NS + 10 * S)
    for listing in market.listings.values():
        assert len(listing.book.bids.keys) > listing.pair.levels // 3


def test_some_events_change_one_price_several_times() -> None:
    found = [changes for _, _, changes, _ in played(market_of(), S, seconds=20)]  # type: ignore[misc]
    assert any(len({change[:2] for change in changes}) < len(changes) for changes in found)


def test_a_market_without_flow_stands_until_somebody_trades() -> None:
    market = market_of(rate=0)
    log = played(market, S)
    assert log == []
    assert market.next_ns == NEVER
    market.submit("BTC/USD", Order(market.new_order_id(), BID, 700_000, 1_000, owner="me"), START_NS)
    assert len(log) == 1


def test_nothing_matches_in_the_modes_without_matching() -> None:
    for mode in ("maintenance", "cancel_only", "post_only"):
        market = market_of()
        market.system = mode
        log = played(market, S)
        assert (log == []) == (mode == "maintenance")
        assert all(trades == [] for _, _, _, trades in log)  # type: ignore[misc]


def test_one_pair_in_another_mode_leaves_the_others_trading() -> None:
    market = market_of()
    market.listings["BTC/USD"].status = "cancel_only"
    log = played(market, S)
    traded = {symbol for symbol, _, _, trades in log if trades}  # type: ignore[misc]
    assert traded == {"DOGE/USD"}


def test_another_tick_and_lot_keep_prices_quantities_and_history() -> None:
    market = market_of()
    market.advance(START_NS + 5 * S)
    listing = market.listings["BTC/USD"]
    best, last, volume = listing.best, listing.tape.last_price, listing.tape.day(START_NS + 5 * S)
    assert best[0] is not None
    assert volume is not None
    before = volume.volume
    market.change_precision("BTC/USD", 3, 9)
    after = listing.tape.day(START_NS + 5 * S)
    assert listing.best[0] == (best[0][0] * 100, best[0][1] * 10)
    assert listing.tape.last_price == last * 100
    assert after is not None
    assert after.volume == before * 10
    market.change_precision("BTC/USD", 0, 4)
    market.advance(START_NS + 10 * S)
    assert listing.pair.price == QUIET.price // 10


def test_a_thousand_pairs_open_and_trade() -> None:
    market = Market(synthetic(1_000, levels=12), seed=1, rate=2_000, start_ns=START_NS)
    log = played(market, S, seconds=2)
    assert len({symbol for symbol, *_ in log}) > 800  # type: ignore[misc]


def test_prices_stay_above_zero_in_a_pair_of_few_ticks() -> None:
    pair = Pair("LOW/USD", 2, 2, 6, 500, levels=20, history=False)
    market = Market([pair], seed=1, rate=500, start_ns=START_NS)
    market.advance(START_NS + 5 * S)
    listing = market.listings["LOW/USD"]
    assert min(price for side in listing.book.sides for price, _ in side.top(100)) >= 1
    assert listing.tape.trades


def test_a_batch_carries_the_matches_behind_its_trades() -> None:
    market = market_of()
    batches: list[Batch] = []
    market.listeners.append(batches.append)
    market.advance(START_NS + 10 * S)
    found = [
        (fill.price, fill.qty, trade.price, trade.qty)
        for batch in batches
        for fill, trade in zip(batch.fills, batch.trades, strict=True)
    ]
    assert len(found) > 50
    assert all(one[:2] == one[2:] for one in found)


def test_followers_act_when_every_listener_has_heard() -> None:
    market = market_of(rate=0)
    said: list[str] = []
    market.followers.append(lambda time_ns: said.append(f"follower {time_ns - START_NS}"))
    for name in ("first", "second"):
        market.listeners.append(lambda batch, name=name: said.append(name))  # type: ignore[misc]
    market.submit("BTC/USD", Order(market.new_order_id(), BID, 1, 1_000), START_NS + 5)
    assert said == ["first", "second", "follower 5"]


def test_the_systems_mode_goes_before_the_pairs() -> None:
    market = market_of(rate=0)
    market.listings["BTC/USD"].status = "post_only"
    assert (market.mode("BTC/USD"), market.mode("DOGE/USD")) == ("post_only", "online")
    market.system = "maintenance"
    assert market.mode("BTC/USD") == "maintenance"


def test_a_lowered_order_is_published() -> None:
    market = market_of(rate=0)
    order = Order(market.new_order_id(), BID, 1, 1_000)
    market.submit("BTC/USD", order, START_NS)
    batches: list[Batch] = []
    market.listeners.append(batches.append)
    market.lower("BTC/USD", order.order_id, 400, START_NS)
    assert [change.qty for change in batches[0].changes] == [400]


def test_those_who_keep_prices_hear_of_a_new_grid() -> None:
    market = market_of(rate=0)
    heard: list[object] = []
    market.regrid_listeners.append(lambda *told: heard.append(told))
    market.change_precision("BTC/USD", 3, 7)
    assert heard == [("BTC/USD", (100, 1), (1, 10))]
