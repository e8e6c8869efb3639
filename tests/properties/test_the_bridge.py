"""Snapshots and changes in any order, lost, late and twice: what is served was true, and life returns."""

from __future__ import annotations

from collections import deque

from hypothesis import given, settings
from hypothesis import strategies as st

from binance_depth import BTC, DepthVenue, Table
from leadline.clock import NS_PER_S
from leadline.core.book import BookView
from leadline.core.session import News
from leadline.model.market import Level, Subscription
from leadline.venues.binance.session import BinanceSession
from leadline.venues.binance.snapshots import DepthSnapshot, Snapshots, Wish

price_moves = st.dictionaries(
    st.integers(-12, 12), st.sampled_from(["0.000", "0.500", "2.000", "2.0", "12.345"]), max_size=4
)
steps = st.one_of(
    st.tuples(st.just("tell"), price_moves, st.integers(-4, 4)),
    st.tuples(st.sampled_from(["lose", "twice", "swap", "cut", "fetch", "fail"])),
    st.tuples(st.just("old"), st.integers(1, 4)),
)


class Rig:
    """A session on a connection that mistreats it; every book it serves is held against the truth."""

    def __init__(self, depth: int, limit: int) -> None:
        self.venue = DepthVenue()
        self.limit = limit
        self.middle = 1000
        self.snapshots = Snapshots()
        self.session = BinanceSession(self._take, "public", Table(), self.snapshots)
        self.session.want(Subscription(BTC.channel, BTC.symbol, depth), 0)
        self.now_ns = 0
        self.served = 0
        self.old = deque([self.venue.snapshot(limit)], maxlen=4)
        """Snapshots from before the last changes."""
        self.session.opened(0)

    def _take(self, news: News, now_ns: int) -> None:
        if not isinstance(news, BookView):
            return
        self.served += 1
        stream = self.session.book(BTC.symbol)
        assert stream is not None and stream.last_id is not None
        true_bids, true_asks = self.venue.past[stream.last_id]
        for told, true in ((news.bids(1000), true_bids), (news.asks(1000), true_asks)):
            assert [text(level) for level in told] == [
                (price, f"{float(qty):.3f}") for price, qty in true[: len(told)]
            ]
            assert len(told) >= min(news.certain_depth, len(true))

    def change(self, moves: dict[int, str], drift: int) -> str:
        """A change of both sides that never crosses them, around a middle that wanders."""
        self.middle = max(100, self.middle + drift)
        low = {price: "0.000" for price in self.venue.asks if price <= self.middle}
        high = {price: "0.000" for price in self.venue.bids if price > self.middle}
        bids = {self.middle + move: qty for move, qty in moves.items() if move <= 0}
        asks = {self.middle + move: qty for move, qty in moves.items() if move > 0}
        self.old.append(self.venue.snapshot(self.limit))
        return self.venue.frame(high | bids, low | asks)

    def hear(self, frame: str) -> None:
        self.now_ns += NS_PER_S // 10
        self.session.received(frame.encode(), self.now_ns)

    def fetch(self, snapshot: DepthSnapshot | None) -> None:
        """Serve whatever is wished for, as of now unless something older is given; None is a failure."""
        self.now_ns += 60 * NS_PER_S
        wish = self.snapshots.next(self.now_ns, lambda symbol: False)
        if wish is None:
            return
        if snapshot is None:
            self.snapshots.failed(wish, self.now_ns)
        else:
            self.snapshots.fetched(Wish(wish.symbol, 1000), snapshot, self.now_ns)

    def play(self, step: tuple[object, ...]) -> None:
        match step:
            case ("tell", dict() as moves, int() as drift):
                self.hear(self.change(moves, drift))
            case ("lose",):
                self.change({0: "3.000"}, 0)
            case ("twice",):
                frame = self.change({1: "3.000"}, 0)
                self.hear(frame)
                self.hear(frame)
            case ("swap",):
                first, second = self.change({2: "4.000"}, 0), self.change({-2: "4.000"}, 1)
                self.hear(second)
                self.hear(first)
            case ("cut",):
                self.session.closed("cut", self.now_ns)
                self.session.opened(self.now_ns)
            case ("fetch",):
                self.fetch(self.venue.snapshot(self.limit))
            case ("fail",):
                self.fetch(None)
            case ("old", int() as ago):
                self.fetch(self.old[-min(ago, len(self.old))])


def text(level: Level) -> tuple[str, str]:
    return str(level.price), str(level.qty)


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40), st.sampled_from([3, 10, 500]), st.sampled_from([4, 15, 1000]))
def test_what_is_served_was_true_and_a_live_book_always_returns(
    story: list[tuple[object, ...]], depth: int, limit: int
) -> None:
    rig = Rig(depth, limit)
    for step in story:
        rig.play(step)
    before = rig.served

    for _ in range(4):
        rig.play(("tell", {0: "7.000"}, 0))
        rig.play(("fetch",))
    rig.play(("tell", {0: "8.000"}, 0))

    stream = rig.session.book(BTC.symbol)
    assert stream is not None and stream.live
    assert rig.served > before
