from __future__ import annotations

from collections.abc import Callable

import pytest

from binance_depth import BTC, DepthVenue, Table, contract, framed
from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.core.session import News
from leadline.model.market import BookDropped, Channel, Liquidation, Subscription, Ticker
from leadline.venues.binance.listeners import REFILL_NS, STEADY_NS, Contracts, Depth, Values
from leadline.venues.binance.snapshots import DepthSnapshot, Snapshots
from leadline.venues.binance.wire import NOT_UNDERSTOOD


class Rig:
    """One book's listener, its clock in seconds, and what it has told."""

    def __init__(self, depth: int = 100) -> None:
        self.venue = DepthVenue()
        self.snapshots = Snapshots()
        self.told: list[News] = []
        wanted = Subscription(Channel.BOOK, BTC.symbol, depth)
        self.depth = Depth(wanted, self.venue.stream, contract(BTC.symbol), self._take, self.snapshots, self)
        self.now_s = 0.0
        self.poke: Callable[[], None] = lambda: None

    def _take(self, news: News, now_ns: int) -> None:
        self.told.append(news)

    def snapshot(self, symbol: str, snapshot: DepthSnapshot, now_ns: int) -> None:
        self.depth.snapshot(snapshot, now_ns, now_ns)

    @property
    def now_ns(self) -> int:
        return round(self.now_s * NS_PER_S)

    def hear(self, frame: str) -> None:
        self.depth.take(frame.encode(), self.now_ns, self.now_ns)

    def due_s(self) -> float | None:
        """Seconds until the wished snapshot may be fetched; None while none is wished for."""
        due_ns = self.snapshots.wake_at()
        return None if due_ns is None else due_ns / NS_PER_S - self.now_s

    def fetch(self, snapshot: DepthSnapshot) -> None:
        self.now_s += max(0.0, self.due_s() or 0.0)
        wish = self.snapshots.next(self.now_ns, lambda symbol: False)
        assert wish is not None
        self.snapshots.fetched(wish, snapshot, self.now_ns)

    def live(self) -> Rig:
        self.hear(self.venue.frame({1000: "2.000"}))
        self.fetch(self.venue.snapshot())
        self.told.clear()
        return self

    def kinds(self) -> list[type]:
        told, self.told = self.told, []
        return [type(one) for one in told]


def test_the_first_message_wishes_for_a_snapshot_at_once_and_the_joined_book_is_told() -> None:
    rig = Rig()
    assert rig.due_s() is None

    rig.hear(rig.venue.frame({1000: "2.000"}))
    assert (rig.due_s(), rig.kinds()) == (0.0, [])
    rig.fetch(rig.venue.snapshot())

    assert rig.kinds() == [BookView]
    rig.hear(rig.venue.frame({1000: "3.000"}))
    assert (rig.kinds(), rig.due_s()) == ([BookView], None)


def test_the_venues_yes_wishes_for_a_snapshot_and_the_first_change_joins_it() -> None:
    rig = Rig()
    rig.depth.confirmed(rig.now_ns)
    assert rig.due_s() == 0.0
    rig.fetch(rig.venue.snapshot())
    assert (rig.kinds(), rig.due_s()) == ([], None), "nothing has proved the snapshot yet"

    rig.hear(rig.venue.frame({1000: "2.000"}))
    assert (rig.kinds(), rig.due_s()) == ([BookView], None)


def test_a_snapshot_that_a_change_has_passed_over_is_wished_for_again() -> None:
    rig = Rig()
    rig.depth.confirmed(rig.now_ns)
    rig.fetch(rig.venue.snapshot())
    rig.venue.frame()
    rig.hear(rig.venue.frame())
    assert (rig.kinds(), rig.due_s()) == ([], 0.0)


def test_a_yes_that_nothing_has_followed_is_not_taken_at_its_word_again() -> None:
    rig = Rig()
    rig.depth.confirmed(rig.now_ns)
    rig.fetch(rig.venue.snapshot())
    rig.depth.drop("subscribed anew", rig.now_ns)
    rig.depth.confirmed(rig.now_ns)
    assert rig.due_s() is None

    rig.live()
    rig.depth.drop("subscribed anew", rig.now_ns)
    rig.depth.confirmed(rig.now_ns)
    assert rig.due_s() == 0.0


def test_a_yes_that_comes_behind_the_first_changes_asks_for_nothing_more() -> None:
    rig = Rig().live()
    rig.depth.confirmed(rig.now_ns)
    assert (rig.due_s(), rig.kinds()) == (None, [])


def test_snapshots_that_lag_are_wished_for_again_later_and_later() -> None:
    rig = Rig()
    old = rig.venue.snapshot()
    rig.venue.frame()
    rig.hear(rig.venue.frame())

    waits = []
    for _ in range(4):
        rig.fetch(old)
        waits.append(rig.due_s())

    assert waits == pytest.approx([0.25, 0.5, 1.0, 2.0])
    rig.fetch(rig.venue.snapshot())
    assert rig.kinds() == [BookView]


def test_a_break_drops_the_book_once_and_only_its_own() -> None:
    rig = Rig().live()
    rig.venue.frame()

    rig.hear(rig.venue.frame())
    rig.venue.frame()
    rig.hear(rig.venue.frame())

    assert rig.kinds() == [BookDropped]
    assert rig.snapshots.wanted(BTC.symbol)


def test_a_book_that_held_for_long_gets_its_next_snapshot_at_once_and_one_that_did_not_waits() -> None:
    rig = Rig().live()
    rig.now_s += STEADY_NS / NS_PER_S
    rig.venue.frame()
    rig.hear(rig.venue.frame())
    assert rig.due_s() == 0.0
    rig.fetch(rig.venue.snapshot())

    rig.venue.frame()
    rig.hear(rig.venue.frame())

    assert rig.due_s() == pytest.approx(0.25)


def test_a_shallow_book_is_refilled_but_not_more_often_than_every_half_minute() -> None:
    rig = Rig(depth=20)
    rig.hear(rig.venue.frame())
    rig.fetch(rig.venue.snapshot(limit=5))
    for _ in range(40):
        rig.hear(rig.venue.frame({1000: "5.000"}))

    assert rig.due_s() == pytest.approx(REFILL_NS / NS_PER_S)
    assert BookDropped not in rig.kinds()


def test_a_message_that_cannot_be_read_costs_the_book_and_is_passed_on() -> None:
    rig = Rig().live()

    with pytest.raises(NOT_UNDERSTOOD):
        rig.hear('{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}')

    assert rig.kinds() == [BookDropped]
    rig.hear(rig.venue.frame())
    rig.fetch(rig.venue.snapshot())
    assert rig.kinds() == [BookView]


def test_a_snapshot_that_crosses_what_followed_costs_a_live_book_and_says_so() -> None:
    rig = Rig(depth=20)
    rig.hear(rig.venue.frame())
    rig.fetch(rig.venue.snapshot(limit=5))
    for _ in range(40):
        rig.hear(rig.venue.frame({1000: "5.000"}))
    rig.told.clear()

    rig.fetch(DepthSnapshot(rig.venue.reached, [("100.0", "1.000")], [("99.0", "1.000")]))

    assert rig.kinds() == [BookDropped]


def test_other_decimals_begin_the_book_anew_and_the_same_do_not() -> None:
    rig = Rig().live()
    rig.depth.fit(contract(BTC.symbol), rig.now_ns)
    assert rig.kinds() == []

    rig.depth.fit(contract(BTC.symbol, qtys=5), rig.now_ns)

    assert rig.kinds() == [BookDropped]
    rig.hear(rig.venue.frame({1000: "1.00001"}))
    rig.fetch(rig.venue.snapshot())
    assert rig.kinds() == [BookView]
    assert rig.depth.stream.book.bids(1) == [(1000, 100001)]


def test_a_book_of_a_closed_connection_is_forgotten_without_a_word_and_its_wish_with_it() -> None:
    rig = Rig().live()
    rig.venue.frame()
    rig.hear(rig.venue.frame())
    rig.kinds()

    rig.depth.closed()

    assert (rig.kinds(), rig.due_s(), rig.depth.stream.live) == ([], None, False)


# Values


def values(subscription: Subscription) -> tuple[Values, list[News]]:
    told: list[News] = []
    return Values(subscription, "any", lambda news, now_ns: told.append(news), Table()), told


def best(last_id: int, bid: str) -> bytes:
    frame: str = framed(
        "btcusdt@bookTicker", e="bookTicker", u=last_id, s="BTCUSDT", b=bid, B="1", a="200.0", A="1", T=1, E=2
    )
    return frame.encode()


def test_best_prices_older_than_those_told_are_not_told() -> None:
    listener, told = values(Subscription(Channel.TICKER, BTC.symbol))

    for last_id, bid in ((5, "100.0"), (4, "99.0"), (6, "101.0")):
        listener.take(best(last_id, bid), 0, 0)

    assert [str(one.bid) for one in told if isinstance(one, Ticker)] == ["100.0", "101.0"]


def test_ids_of_another_connection_say_nothing_of_age() -> None:
    listener, told = values(Subscription(Channel.TICKER, BTC.symbol))
    listener.take(best(5, "100.0"), 0, 0)

    listener.closed()
    listener.take(best(4, "99.0"), 0, 0)

    assert len(told) == 2


def test_forced_orders_of_all_symbols_are_told_by_our_names_and_foreign_ones_are_not() -> None:
    listener, told = values(Subscription(Channel.LIQUIDATIONS, "*"))

    for name in ("ETHUSDT", "BTCUSD_PERP"):
        listener.take(
            framed("!forceOrder@arr", e="forceOrder", E=2, o={
                "s": name, "S": "BUY", "q": "1", "p": "2", "ap": "3", "T": 1,
            }).encode(), 0, 0,
        )  # fmt: skip

    assert [one.symbol for one in told if isinstance(one, Liquidation)] == ["ETH/USDT:USDT"]


def test_news_of_a_contract_is_passed_on_as_it_comes() -> None:
    calls: list[int] = []
    listener = Contracts(Subscription(Channel.INSTRUMENTS, "*"), "!contractInfo", lambda: calls.append(1))

    listener.take(framed("!contractInfo", e="contractInfo", s="BTCUSDT").encode(), 0, 0)
    listener.closed()

    assert calls == [1]
