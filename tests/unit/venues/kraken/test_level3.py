"""The level3 session: orders proven by the checksum, one symbol resynchronised at a time."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import pytest

from leadline.clock import NS_PER_S
from leadline.core.level3 import Level3Book, Level3News
from leadline.core.session import Coverage, FrameSkipped, LineDown, Reconnect, Send, SubscriptionRefused
from leadline.errors import AuthError, CheckFailed
from leadline.model.instrument import Instrument
from leadline.model.market import BookDropped
from leadline.venues.kraken.level3 import Level3Session
from leadline.venues.memory import instrument

S = NS_PER_S
TOKEN = "a-token/with+signs"


class Heard:
    """A session that is open, and what it told."""

    def __init__(self) -> None:
        self.news: list[Level3News] = []
        self.tops: list[list[str]] = []
        self.session = Level3Session(self._take, self._instrument)
        self.session.authorise(TOKEN, 0)
        self.session.opened(0)
        self.sent: list[dict[str, Any]] = []
        self.left: list[str] = []

    def _take(self, news: Level3News, now_ns: int) -> None:
        self.news.append(news)
        if isinstance(news, Level3Book):
            self.tops.append([order.order_id for order in news.freeze(10).bids])

    def _instrument(self, symbol: str) -> Instrument | None:
        return instrument(symbol) if symbol != "NEW/USD" else None

    def drain(self) -> None:
        for output in self.session.outputs():
            if isinstance(output, Send):
                self.sent.append(json.loads(output.text))
            elif isinstance(output, Reconnect):
                self.left.append(output.reason)

    def want(self, symbol: str = "BTC/USD", depth: int = 10, now_ns: int = 0) -> None:
        self.session.want(symbol, depth, now_ns)
        self.drain()

    def told(self, fields: dict[str, Any], now_ns: int = 1) -> None:
        self.session.received(json.dumps(fields).encode(), now_ns)
        self.drain()

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.news if isinstance(one, kind)]


def order(order_id: str, price: str, qty: str, event: str | None = None) -> dict[str, Any]:
    fields = {"order_id": order_id, "limit_price": price, "order_qty": qty, "timestamp": "T"}
    return fields | ({"event": event} if event else {})


def digits(*texts: str) -> int:
    return crc32("".join(text.replace(".", "").lstrip("0") for text in texts).encode())


def frame(
    kind: str,
    checksum: int,
    bids: list[dict[str, Any]],
    asks: list[dict[str, Any]] | None = None,
    symbol: str = "BTC/USD",
) -> dict[str, Any]:
    book = {"symbol": symbol, "checksum": checksum, "bids": bids, "asks": asks or [], "timestamp": "T"}
    return {"channel": "level3", "type": kind, "data": [book]}


SNAPSHOT = frame("snapshot", digits("10.00", "1.0000"), [order("A", "10.00", "1.0000")])


def test_the_token_is_part_of_the_request() -> None:
    heard = Heard()
    heard.want()
    (asked,) = heard.sent
    assert asked["method"] == "subscribe"
    assert asked["params"] == {
        "channel": "level3",
        "symbol": ["BTC/USD"],
        "depth": 10,
        "snapshot": True,
        "token": TOKEN,
    }


def test_a_proven_snapshot_and_a_proven_update_are_told() -> None:
    heard = Heard()
    heard.want()
    heard.told(SNAPSHOT)
    update = frame(
        "update",
        digits("10.00", "1.0000", "10.00", "2.0000"),
        [order("B", "10.00", "2.0000", "add")],
    )
    heard.told(update)
    assert heard.tops == [["A"], ["A", "B"]]
    assert heard.session.coverage("BTC/USD") is Coverage.RECEIVING


def test_a_book_that_fails_its_proof_is_emptied_and_only_that_symbol_is_asked_for_again() -> None:
    heard = Heard()
    heard.want()
    heard.session.woke(2 * S)
    heard.want("ETH/USD", now_ns=2 * S)
    heard.told(SNAPSHOT, 3 * S)
    ether = [order("E", "10.00", "1.0000")]
    heard.told(frame("snapshot", digits("10.00", "1.0000"), ether, symbol="ETH/USD"), 3 * S)
    book = heard.of(Level3Book)[0]
    heard.told(frame("update", 1, [order("B", "10.00", "2.0000", "add")]), 4 * S)
    assert [dropped.symbol for dropped in heard.of(BookDropped)] == ["BTC/USD"]
    assert book.freeze(10).bids == ()
    for second in (5, 6, 7, 8):
        heard.session.woke(second * S)
        heard.drain()
    again = [(one["method"], one["params"]["symbol"]) for one in heard.sent[2:]]
    assert again == [("unsubscribe", ["BTC/USD"]), ("subscribe", ["BTC/USD"])]
    assert heard.sent[2]["params"]["token"] == TOKEN


def test_updates_without_a_snapshot_mean_nothing() -> None:
    heard = Heard()
    heard.want()
    heard.told(frame("update", digits("10.00", "2.0000"), [order("B", "10.00", "2.0000", "add")]))
    assert heard.tops == []


@pytest.mark.parametrize(
    "row",
    [order("A", "10.001", "1.0000"), order("A", "10.00", "NaN"), order("A", "10.00", "1.0000", "teleport")],
    ids=["too precise", "no number", "unknown event"],
)
def test_what_is_no_order_empties_the_book(row: dict[str, Any]) -> None:
    heard = Heard()
    heard.want()
    heard.told(frame("snapshot", 5, [row]))
    assert heard.tops == []
    assert heard.of(BookDropped)


def test_a_symbol_without_reference_data_is_not_guessed_at() -> None:
    heard = Heard()
    heard.want("NEW/USD")
    heard.told(frame("snapshot", 5, [], symbol="NEW/USD"))
    assert "no reference data" in heard.of(BookDropped)[0].reason


def test_a_refused_token_ends_the_connection_because_the_next_one_has_a_fresh_one() -> None:
    heard = Heard()
    heard.want()
    heard.told({"method": "subscribe", "success": False, "error": "ESession:Invalid session", "req_id": 1})
    assert heard.left == ["the credential was refused"]


def test_a_refused_symbol_is_told_and_not_asked_for_again() -> None:
    heard = Heard()
    heard.want()
    text = "EGeneral:Permission denied"
    heard.told({"method": "subscribe", "success": False, "error": text, "req_id": 1})
    (refused,) = heard.of(SubscriptionRefused)
    assert isinstance(refused.error, AuthError)
    heard.session.woke(60 * S)
    heard.drain()
    assert len([one for one in heard.sent if one["method"] == "subscribe"]) == 1


def test_after_a_reconnect_everything_is_asked_for_with_the_new_token() -> None:
    heard = Heard()
    heard.want()
    heard.told(SNAPSHOT)
    heard.session.closed("cut", 2 * S)
    assert heard.of(LineDown)
    heard.session.authorise("another", 3 * S)
    heard.session.opened(3 * S)
    heard.drain()
    assert heard.sent[-1]["params"]["token"] == "another"
    assert heard.session.coverage("BTC/USD") is Coverage.WANTED


def test_silence_ends_the_connection_only_where_heartbeats_are_due() -> None:
    heard = Heard()
    heard.session.woke(10 * S)
    heard.drain()
    assert heard.left == []
    heard.want(now_ns=10 * S)
    heard.session.woke(16 * S)
    heard.drain()
    assert heard.left == ["no frame for 16.0 s"]


def test_a_frame_that_is_not_understood_is_kept_without_the_token() -> None:
    heard = Heard()
    heard.session.received(f'{{"what": "{TOKEN}"}}'.encode(), 1)
    (skipped,) = heard.of(FrameSkipped)
    assert TOKEN.encode() not in skipped.frame


def test_an_unknown_depth_or_a_second_one_of_a_symbol_is_refused_before_anything_is_sent() -> None:
    heard = Heard()
    with pytest.raises(CheckFailed, match="10, 100, 1000"):
        heard.want(depth=25)
    heard.want(depth=10)
    with pytest.raises(CheckFailed, match="depth 10 already"):
        heard.want(depth=100)


def test_a_symbol_nobody_wants_any_more_is_cancelled() -> None:
    heard = Heard()
    heard.want()
    heard.told(SNAPSHOT)
    heard.session.unwant("BTC/USD", 2 * S)
    heard.session.woke(3 * S)
    heard.drain()
    assert heard.sent[-1]["method"] == "unsubscribe"
    assert heard.session.coverage("BTC/USD") is None


def test_after_a_block_orders_are_as_old_as_it_until_a_ping_is_answered() -> None:
    stamps: list[int] = []
    session = Level3Session(lambda news, now_ns: stamps.append(now_ns // S), instrument)
    session.authorise(TOKEN, 0)
    session.opened(0)
    session.want("BTC/USD", 10, 0)
    stamps.clear()
    session.held_up(10 * S, 40 * S)
    session.received(json.dumps(SNAPSHOT).encode(), 40 * S)
    sent = [output.text for output in session.outputs() if isinstance(output, Send)]
    session.received(b'{"method":"pong"}', 40 * S + 1)
    session.received(json.dumps(SNAPSHOT).encode(), 41 * S)

    assert '{"method":"ping"}' in sent
    assert stamps == [10, 41]
