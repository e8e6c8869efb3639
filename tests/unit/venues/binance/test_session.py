from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from binance_depth import BTC, ETH, DepthVenue, Table, contract, framed
from leadline.core.book import BookView
from leadline.core.session import (
    Confirmed,
    Coverage,
    FrameSkipped,
    LineDown,
    LineUp,
    News,
    Reconnect,
    SubscriptionRefused,
)
from leadline.errors import RateLimited, Rejected
from leadline.model.market import (
    BarBatch,
    BookDropped,
    Channel,
    DayStats,
    FrozenBook,
    InstrumentsChanged,
    Liquidation,
    MarkPrice,
    Subscription,
    Ticker,
    TradeBatch,
)
from leadline.venues.binance import requests
from leadline.venues.binance.session import BinanceSession
from leadline.venues.binance.snapshots import Snapshots
from leadline.venues.binance.stream_names import INSTRUMENTS
from script import Script, requests_in

TICKER = Subscription(Channel.TICKER, "BTC/USDT:USDT")
TRADES = Subscription(Channel.TRADES, "BTC/USDT:USDT")
MARK = Subscription(Channel.MARK, "BTC/USDT:USDT")


class Story(Script[BinanceSession]):
    """A session of one route on a connection."""

    def __init__(self, *wanted: Subscription, route: str = "public", table: Table | None = None) -> None:
        super().__init__()
        self.snapshots = Snapshots()
        self.contract_news = 0
        self.session = BinanceSession(
            self.emit, route, table or Table(), self.snapshots, contract_news=self._contract_news
        )
        for subscription in wanted:
            self.session.want(subscription, self.now_ns)
        self.open()

    def _contract_news(self) -> None:
        self.contract_news += 1

    def fetch(self, venue: DepthVenue) -> None:
        wish = self.snapshots.next(self.now_ns, lambda symbol: False)
        assert wish is not None
        self.snapshots.fetched(wish, venue.snapshot(), self.now_ns)

    def acknowledge(self, *asked: dict[str, Any]) -> None:
        self.hear(*({"result": None, "id": request["id"]} for request in asked))


def live(venue: DepthVenue, *more: Subscription) -> Story:
    story = Story(BTC, *more)
    story.acknowledge(*story.sent())
    story.hear(venue.frame({1000: "2.000"}))
    story.fetch(venue)
    story.news()
    story.sent()
    return story


def best(bid: str = "100.0", symbol: str = "BTCUSDT", last_id: int = 1) -> str:
    stream = f"{symbol.lower()}@bookTicker"
    frame: str = framed(stream, e="bookTicker", u=last_id, s=symbol, b=bid, B="1", a="200.0", A="1", T=1, E=2)
    return frame


def test_what_is_alike_is_asked_for_in_one_request_and_tickers_before_books() -> None:
    story = Story(BTC, ETH, TICKER)

    assert story.sent() == [
        {"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1},
        {"method": "SUBSCRIBE", "params": ["btcusdt@depth@100ms", "ethusdt@depth@100ms"], "id": 2},
    ]


def test_books_wish_for_their_snapshots_when_they_are_acknowledged_and_tickers_for_none() -> None:
    story = Story(BTC, TICKER)
    tickers, books = story.sent()
    story.acknowledge(tickers)
    assert len(story.snapshots) == 0
    story.acknowledge(books)
    assert story.snapshots.wanted(BTC.symbol)
    assert len(story.snapshots) == 1


def test_the_market_route_always_hears_of_contracts() -> None:
    story = Story(route="market")

    assert [request["params"] for request in story.sent()] == [["!contractInfo"]]
    story.session.unwant(INSTRUMENTS, story.now_ns)
    assert story.session.wanted() == [INSTRUMENTS]
    story.hear(framed("!contractInfo", e="contractInfo", s="BTCUSDT"))
    assert story.contract_news == 1


def test_many_symbols_are_asked_for_two_hundred_at_a_time_and_no_faster_than_five_messages_a_second() -> None:
    table = Table(*(f"C{n}/USDT:USDT" for n in range(450)))
    story = Story(*(Subscription(Channel.TICKER, symbol) for symbol in table.listed), table=table)

    first = story.sent()
    rest = story.wait_and_sent(0.4)

    assert [len(request["params"]) for request in [*first, *rest]] == [200, 200, 50]
    assert len(first) == requests.PACE.burst


def test_an_acknowledgement_is_not_data() -> None:
    story = Story(TICKER)
    story.news()

    story.acknowledge(*story.sent())
    assert story.news() == [Confirmed(TICKER)]
    assert story.session.coverage(TICKER) is Coverage.CONFIRMED

    story.hear(best())
    assert story.session.coverage(TICKER) is Coverage.RECEIVING


def test_a_stream_asked_for_anew_must_prove_itself_anew() -> None:
    story = Story(TICKER)
    story.acknowledge(*story.sent())
    story.hear(best())
    story.session.renew(TICKER, "silent", story.now_ns)
    assert story.session.coverage(TICKER) is Coverage.WANTED

    story.acknowledge(*story.wait_and_sent(1.0))
    assert story.session.coverage(TICKER) is Coverage.CONFIRMED
    story.hear(best(last_id=2))

    assert story.session.coverage(TICKER) is Coverage.RECEIVING


def test_a_stream_that_must_speak_and_does_not_is_asked_for_anew_after_ten_seconds() -> None:
    story = Story(MARK, TRADES, route="market")
    story.acknowledge(*story.sent())
    story.acknowledge(*story.wait_and_sent(0.5))

    asked = []
    for n in range(11):
        story.hear(framed("btcusdt@aggTrade", e="aggTrade", a=n, s="BTCUSDT", p="1", q="1", T=0, m=True))
        asked += story.wait_and_sent(1.0)

    assert [(one["method"], one["params"]) for one in asked] == [
        ("UNSUBSCRIBE", ["btcusdt@markPrice@1s"]),
        ("SUBSCRIBE", ["btcusdt@markPrice@1s"]),
    ]
    assert story.session.coverage(MARK) is Coverage.WANTED


def test_streams_that_have_nothing_to_tell_for_long_are_left_in_peace() -> None:
    """To cancel and ask again would miss what is told in between."""
    top = Subscription(Channel.TOP, "BTC/USDT:USDT", 5)
    forced = Subscription(Channel.LIQUIDATIONS, "*")
    for route, silent in (("public", (TICKER, BTC, top)), ("market", (TRADES, forced))):
        story = Story(*silent, route=route)
        asked = story.sent()
        for _ in range(20):
            story.acknowledge(*asked)
            story.hear({"result": None, "id": requests.PING_ID})
            asked = story.wait_and_sent(1.0)
            assert {request["method"] for request in asked} <= {"SUBSCRIBE"}

        assert {story.session.coverage(one) for one in silent} == {Coverage.CONFIRMED}


def test_a_request_that_is_never_answered_is_sent_again() -> None:
    story = Story(TICKER)
    story.sent()
    asked = []
    for _ in range(6):
        story.hear({"result": True, "id": requests.PING_ID})
        asked += story.wait_and_sent(1.0)

    assert [request["method"] for request in asked] == ["UNSUBSCRIBE", "SUBSCRIBE"]


def test_a_quiet_connection_is_asked_whether_it_lives_and_ends_after_five_seconds_without_an_answer() -> None:
    story = Story()

    outputs = story.wait(4.9)
    assert [request["method"] for request in requests_in(outputs)] == ["GET_PROPERTY", "GET_PROPERTY"]
    assert story.session.up(story.now_ns)

    assert story.wait(10.0) == [Reconnect("no frame for 5.0 s")]
    assert not story.session.up(story.now_ns)


def test_an_answer_keeps_a_quiet_connection() -> None:
    story = Story()
    for _ in range(30):
        for request in story.wait_and_sent(1.0):
            story.hear({"result": True, "id": request["id"]})

    assert story.session.up(story.now_ns)
    assert story.news(FrameSkipped) == []


def test_a_lost_connection_empties_every_book_and_the_next_one_asks_for_everything() -> None:
    venue = DepthVenue()
    story = live(venue, TICKER)

    story.close()
    assert story.news() == [LineDown("cut")]
    stream = story.session.book(BTC.symbol)
    assert stream is not None and len(stream.book) == 0
    story.open()

    assert story.news() == [LineUp()]
    assert [request["params"] for request in story.sent()] == [["btcusdt@bookTicker"], [venue.stream]]
    story.hear(venue.frame())
    story.fetch(venue)
    assert [type(one) for one in story.news()] == [BookView]


def test_a_new_depth_replaces_the_old_one_on_the_same_stream() -> None:
    venue = DepthVenue()
    story = live(venue)
    deeper = Subscription(Channel.BOOK, BTC.symbol, 500)

    story.session.want(deeper, story.now_ns)

    assert story.session.wanted() == [deeper]
    assert [request["method"] for request in story.wait_and_sent(1.0)] == ["UNSUBSCRIBE", "SUBSCRIBE"]
    story.hear(venue.frame())
    story.fetch(venue)
    (view,) = story.news()
    assert isinstance(view, BookView)
    assert view.depth == 500
    assert story.session.book_messages.proven == 0
    assert story.session.book_messages.updates == 2


def test_what_is_given_up_is_ended_and_what_comes_of_it_still_is_passed_over() -> None:
    venue = DepthVenue()
    story = live(venue)

    story.session.unwant(BTC, story.now_ns)

    assert [(one["method"], one["params"]) for one in story.sent()] == [("UNSUBSCRIBE", [venue.stream])]
    story.hear(venue.frame())
    assert story.news() == []
    assert story.session.last_data_ns == story.now_ns
    assert len(story.snapshots) == 0


def test_a_gap_drops_only_its_own_book_and_asks_only_for_a_snapshot() -> None:
    venue, other = DepthVenue(), DepthVenue("ETHUSDT")
    story = live(venue, ETH)
    story.hear(other.frame())
    story.fetch(other)
    story.news()
    venue.frame()

    story.hear(venue.frame(), other.frame())

    dropped, kept = story.news()
    assert isinstance(dropped, BookDropped) and dropped.symbol == BTC.symbol
    assert isinstance(kept, BookView) and kept.symbol == ETH.symbol
    assert story.sent() == []
    assert story.snapshots.wanted(BTC.symbol) and not story.snapshots.wanted(ETH.symbol)


def test_a_reader_may_renew_a_silent_book() -> None:
    story = live(DepthVenue())

    story.session.renew(BTC, "silent", story.now_ns)

    assert [request["method"] for request in story.wait_and_sent(1.0)] == ["UNSUBSCRIBE", "SUBSCRIBE"]
    assert story.news() == [BookDropped(BTC.symbol, "silent")]


def test_the_thousand_and_first_stream_is_refused_because_one_too_many_would_end_the_connection() -> None:
    table = Table(*(f"C{n}/USDT:USDT" for n in range(1001)))
    wanted = [Subscription(Channel.TICKER, symbol) for symbol in table.listed]
    story = Story(*wanted, table=table)

    (refused,) = story.news(SubscriptionRefused)

    assert isinstance(refused, SubscriptionRefused)
    assert refused.subscription == wanted[1000]
    assert "a connection carries 1000 streams" in str(refused.error)
    assert story.session.coverage(wanted[1000]) is Coverage.REFUSED


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Subscription(Channel.TICKER, "NO/USDT:USDT"), "unknown symbol"),
        (Subscription(Channel.BARS, BTC.symbol, 61), "61 s is no interval"),
        (Subscription(Channel.LEVEL3, BTC.symbol, 10), "streams no level3"),
    ],
)
def test_what_has_no_stream_is_refused_alone_and_at_once(wanted: Subscription, why: str) -> None:
    story = Story(wanted, TICKER)

    (refused,) = story.news(SubscriptionRefused)

    assert isinstance(refused, SubscriptionRefused)
    assert why in str(refused.error)
    assert [request["params"] for request in story.sent()] == [["btcusdt@bookTicker"]]


@pytest.mark.parametrize(("code", "error"), [(requests.TOO_MANY_STREAMS, RateLimited), (2, Rejected)])
def test_a_request_refused_as_a_whole_is_told_for_each_stream_in_it(code: int, error: type) -> None:
    story = Story(BTC, ETH)
    (asked,) = story.sent()

    story.hear({"error": {"code": code, "msg": "no"}, "id": asked["id"]})

    refusals = [one for one in story.news() if isinstance(one, SubscriptionRefused)]
    assert [(one.subscription, type(one.error)) for one in refusals] == [(BTC, error), (ETH, error)]
    story.session.want(BTC, story.now_ns)
    assert [request["params"] for request in story.sent()] == [["btcusdt@depth@100ms"]]


def test_a_refusal_of_nothing_we_need_is_evidence() -> None:
    story = Story()

    story.hear({"error": {"code": 3, "msg": "Invalid JSON"}, "id": None})

    assert len(story.news(FrameSkipped)) == 1


def test_the_word_that_the_connection_will_end_is_understood_and_nothing_is_done() -> None:
    story = Story()
    story.news()

    story.hear({"e": "serverShutdown", "E": 1})

    assert (story.news(), story.session.outputs()) == ([], [])


def test_symbols_in_any_script_are_heard_as_they_are_and_escaped() -> None:
    table = Table("牛来/USDT:USDT")
    story = Story(Subscription(Channel.TICKER, "牛来/USDT:USDT"), table=table)
    assert story.sent()[0]["params"] == ["牛来usdt@bookTicker"]

    plain = best(symbol="牛来USDT")
    story.hear(plain, json.dumps(json.loads(best(symbol="牛来USDT", last_id=2)), separators=(",", ":")))

    assert [one.symbol for one in story.news() if isinstance(one, Ticker)] == ["牛来/USDT:USDT"] * 2


def test_every_kind_of_value_is_told_from_its_stream() -> None:
    top = Subscription(Channel.TOP, BTC.symbol, 5)
    bars = Subscription(Channel.BARS, BTC.symbol, 60)
    stats = Subscription(Channel.STATS, BTC.symbol)
    forced = Subscription(Channel.LIQUIDATIONS, BTC.symbol)
    story = Story(TICKER, top, TRADES, bars, MARK, stats, forced)
    story.news()
    candle = {"t": 60000, "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1, "q": "1"}
    order = {"s": "BTCUSDT", "S": "BUY", "q": "1", "p": "1", "ap": "1", "T": 1}
    day = dict.fromkeys("pPwcohlvq", "1")

    story.hear(
        best(),
        framed("btcusdt@depth5@100ms", e="depthUpdate", T=1, s="BTCUSDT", U=1, u=2, pu=0, b=[], a=[]),
        framed("btcusdt@aggTrade", e="aggTrade", s="BTCUSDT", a=1, p="1", q="1", T=1, m=True),
        framed("btcusdt@kline_1m", e="kline", s="BTCUSDT", k=candle),
        framed("btcusdt@markPrice@1s", e="markPriceUpdate", E=1, s="BTCUSDT", p="1", T=0, r=""),
        framed("btcusdt@ticker", e="24hrTicker", E=1, s="BTCUSDT", n=1, **day),
        framed("btcusdt@forceOrder", e="forceOrder", E=1, o=order),
    )

    assert [type(one) for one in story.news()] == [
        Ticker, FrozenBook, TradeBatch, BarBatch, MarkPrice, DayStats, Liquidation,
    ]  # fmt: skip


def test_a_message_of_another_kind_than_its_stream_harms_nobody() -> None:
    venue = DepthVenue()
    story = live(venue, TICKER)

    story.hear(venue.frame().replace(venue.stream, "btcusdt@bookTicker"), best())

    assert [type(one) for one in story.news()] == [FrozenBook, Ticker]


def test_contracts_learned_anew_are_told_and_books_of_other_decimals_begin_anew() -> None:
    venue = DepthVenue()
    story = live(venue)
    changed = contract(BTC.symbol, qtys=5)

    story.session.learned([changed], story.now_ns)

    dropped, told = story.news()
    assert isinstance(dropped, BookDropped)
    assert told == InstrumentsChanged((changed,))


def test_values_read_after_the_loop_stood_still_are_stamped_as_old_until_a_ping_is_answered() -> None:
    told: list[float] = []
    session = BinanceSession(lambda news, now_ns: told.append(now_ns / 1e9), "public", Table(), Snapshots())
    session.want(TICKER, 0)
    session.opened(0)
    session.held_up(1 * 10**9, 3 * 10**9)
    told.clear()

    session.received(best(last_id=1).encode(), 3 * 10**9)
    session.received(b'{"result":true,"id":0}', 3_100_000_000)
    session.received(best(last_id=2).encode(), 3_200_000_000)

    assert told == [1.0, 3.2]


VALID = [
    DepthVenue().frame({1000: "2.000"}, {1001: "1.000"}), best(), '{"result":null,"id":1}',
    '{"error":{"code":2,"msg":"no"},"id":1}', '{"result":true,"id":0}',
    framed("btcusdt@kline_1m", e="kline", s="BTCUSDT", k={
        "t": 60000, "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "1", "n": 1, "q": "1"}),
    framed("!forceOrder@arr", e="forceOrder", E=2, o={
        "s": "BTCUSDT", "S": "BUY", "q": "1", "p": "2", "ap": "3", "T": 1}),
    framed("btcusdt@markPrice@1s", e="markPriceUpdate", E=1, s="BTCUSDT", p="1", T=7, r="0.1"),
]  # fmt: skip

tokens = st.sampled_from([
    "0", "-1", "1e999", '"1e999999999"', '"NaN"', "null", "true", "[]", "{}", '"x"', '"-1.000"', '"0.0001"',
    "99999999999999999999999", '"1e40"', '[["1"]]', '[["1.0","NaN"]]', '[["100.0","1e9999"]]',
])  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid frame of the venue's with a token exchanged, bytes changed or its end missing."""
    frame = draw(st.sampled_from(VALID))
    for _ in range(draw(st.integers(0, 3))):
        parts = frame.split(":")
        at = draw(st.integers(1, len(parts) - 1))
        parts[at] = draw(tokens) + parts[at].lstrip('"0123456789.-+eE')
        frame = ":".join(parts)
    raw = bytearray(frame.encode())
    for _ in range(draw(st.integers(0, 2))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.sampled_from([len(raw), len(raw), len(raw) // 2]))])


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), mutated()), max_size=12))
def test_no_bytes_raise_and_no_crossed_book_is_ever_told(frames: list[bytes]) -> None:
    def emit(news: News, now_ns: int) -> None:
        if isinstance(news, BookView):
            bid, ask = news.best_bid, news.best_ask
            assert bid is None or ask is None or bid.price < ask.price

    venue, snapshots = DepthVenue(), Snapshots()
    session = BinanceSession(emit, "public", Table(), snapshots)
    bars = Subscription(Channel.BARS, BTC.symbol, 60)
    for wanted in (BTC, TICKER, bars, MARK, Subscription(Channel.LIQUIDATIONS, "*")):
        session.want(wanted, 0)
    session.opened(0)
    session.received(venue.frame().encode(), 0)
    wish = snapshots.next(0, lambda symbol: False)
    assert wish is not None
    snapshots.fetched(wish, venue.snapshot(), 0)
    for frame in frames:
        session.received(frame, 1)
    assert len(session.skipped) <= 100
    assert requests_in(session.outputs())
