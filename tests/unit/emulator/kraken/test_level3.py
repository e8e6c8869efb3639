from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Iterator
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from emulated import OTHER, QUIET, START_NS, NaiveBook, S, ask, emulated, messages, of, texts
from leadline.emulator.instruments import Pair
from leadline.emulator.kraken.level3 import OrderWindow, checksum, crowd_name, order_names
from leadline.emulator.market import Batch, Listing, Market
from leadline.emulator.matching import ASK, BID, Order, OrderBook
from leadline.emulator.numbers import fixed
from private_line import PrivateLine
from vectors import VECTORS, needs_vectors, records

ID = re.compile(r"O[A-Z2-7]{5}-[A-Z2-7]{5}-[A-Z2-7]{6}")
TINY = Pair("A/USD", 1, 8, 1_000, 100, levels=0, history=False)

# dossier §7: the venue's own example, prices with their orders in queue order.
OFFICIAL_BIDS = {
    "44939.4": "0.88968699 0.45210000 0.10000000 0.14296323 0.25000000 0.10292988 0.33880000 1.28140860",
    "44937.1": "0.03346877",
    "44934.7": "0.35630000",
    "44930.2": "0.22734299 0.01000000 0.05550000 0.70000000 0.15000000",
    "44928.0": "0.00105240",
    "44919.6": "0.33870000",
    "44919.5": "0.07610000",
    "44912.0": "0.35630000",
    "44909.7": "0.06690000",
    "44901.9": "0.00088982",
}
OFFICIAL_ASKS = {
    "44939.5": "4.52308393 0.00111261 0.00100000 0.01000000",
    "44950.0": "0.10334926",
    "44953.0": "0.00064537",
    "44955.0": "0.00250000",
    "44959.6": "0.35630000 0.35630000",
    "44960.1": "0.00338072",
    "44960.2": "0.88967575",
    "44967.0": "3.14392283",
    "44978.5": "0.06778960",
    "44979.2": "0.35630000",
}
OFFICIAL_CHECKSUM = 1_063_832_831


class NaiveOrders:
    """A reader of level3 in the fewest words: lists of orders by price, the dossier's rules."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.sides: dict[str, dict[Decimal, list[tuple[str, str, str]]]] = {"bids": {}, "asks": {}}
        self.oddities: list[str] = []

    def apply(self, text: str) -> bool:
        """Take a frame in; whether its checksum is right."""
        message = json.loads(text, parse_float=str, parse_int=str)
        row = message["data"][0]
        for name, side in self.sides.items():
            if message["type"] == "snapshot":
                side.clear()
            for event in row[name]:
                self._event(side, event)
            best_first = sorted(side, reverse=name == "bids")
            for price in best_first[self.depth :]:
                del side[price]
        return int(row["checksum"]) == self.checksum()

    def checksum(self) -> int:
        tokens = []
        for name in ("asks", "bids"):
            side = self.sides[name]
            for price in sorted(side, reverse=name == "bids")[:10]:
                for _, price_text, qty in side[price]:
                    tokens += [text.replace(".", "").lstrip("0") for text in (price_text, qty)]
        return zlib.crc32("".join(tokens).encode())

    def _event(self, side: dict[Decimal, list[tuple[str, str, str]]], event: dict[str, str]) -> None:
        kind, name, price = event.get("event", "add"), event["order_id"], Decimal(event["limit_price"])
        row = (name, event["limit_price"], event["order_qty"])
        queue = side.setdefault(price, [])
        names = [one[0] for one in queue]
        if (name in names) == (kind == "add"):
            self.oddities.append(f"{kind} {name}")
        elif kind == "add":
            queue.append(row)
        elif kind == "modify":
            queue[names.index(name)] = row
        else:
            if queue.pop(names.index(name)) != row:
                self.oddities.append(f"delete of another quantity: {name}")
            if not queue:
                del side[price]


def by_hand(levels: int = 12) -> Listing:
    """A book nobody moves: `levels` levels a side, one order each, numbered from 1 on the bid side."""
    market = Market([TINY], seed=1, rate=0, start_ns=START_NS)
    book = market.listings["A/USD"].book
    for number in range(levels):
        book.submit(Order(number + 1, BID, 1_000 - number, 10), START_NS)
        book.submit(Order(number + 101, ASK, 1_001 + number, 10), START_NS)
    book.taken_changes()
    return market.listings["A/USD"]


class Reading:
    """A window and a naive reader of it, moved by hand."""

    def __init__(self, depth: int = 10) -> None:
        self.listing = by_hand()
        self.book = self.listing.book
        self.window = OrderWindow(self.listing, depth, order_names(lambda _: None))
        self.reader = NaiveOrders(depth)
        self.now_ns = START_NS
        assert self.reader.apply(self.window.snapshot(START_NS).text)

    def told(self) -> list[tuple[str, str, int]]:
        """What the next message says: (side, event, price in ticks); its checksum must be right."""
        self.now_ns += 1_000
        changes = self.book.taken_changes()
        frame = self.window.update(Batch(self.listing, self.now_ns, changes, [], True, []))
        if frame is None:
            return []
        assert self.reader.apply(frame.text)
        assert self.reader.oddities == []
        row = json.loads(frame.text, parse_float=Decimal)["data"][0]
        return [
            (side, event["event"], int(event["limit_price"] * 10))
            for side in ("bids", "asks")
            for event in row[side]
        ]


def subscribed(exchange: Any, **params: Any) -> Any:
    connection = exchange.connect(START_NS, "ws_level3")
    token = exchange.tokens.issue(exchange.trading.demo, START_NS)
    connection.outputs()
    ask(connection, START_NS, "subscribe", 5, channel="level3", token=token, **params)
    return connection


def test_the_checksum_reproduces_the_official_vector() -> None:
    book, numbers = OrderBook(), count(1)
    for side, levels in ((BID, OFFICIAL_BIDS), (ASK, OFFICIAL_ASKS)):
        for price, qtys in levels.items():
            for qty in qtys.split():
                ticks, lots = (int(text.replace(".", "")) for text in (price, qty))
                book.submit(Order(next(numbers), side, ticks, lots), START_NS)

    assert checksum(book) == OFFICIAL_CHECKSUM


def test_an_order_of_the_crowd_keeps_its_name_and_shares_it_with_none() -> None:
    names = [crowd_name(number) for number in range(5_000)]

    assert all(ID.fullmatch(name) for name in names)
    assert len(set(names)) == len(names)
    assert names == [crowd_name(number) for number in range(5_000)]


def test_an_order_of_an_account_is_shown_under_its_own_id() -> None:
    name_of = order_names({7: "OAAAAA-BBBBB-CCCCCC"}.get)

    assert name_of(Order(7, BID, 1, 1, owner="demo")) == "OAAAAA-BBBBB-CCCCCC"
    assert name_of(Order(7, BID, 1, 1)) == crowd_name(7)


def test_a_cancelled_order_is_deleted_with_its_last_quantity_and_the_next_level_moves_in() -> None:
    reading = Reading()

    reading.book.cancel(1, START_NS)

    assert reading.told() == [("bids", "delete", 1_000), ("bids", "add", 990)]


def test_a_partly_filled_order_is_modified_and_keeps_its_place() -> None:
    reading = Reading()
    reading.book.submit(Order(50, BID, 1_000, 5), START_NS)
    assert reading.told() == [("bids", "add", 1_000)]

    reading.book.submit(Order(51, ASK, 1_000, 4), START_NS)

    assert reading.told() == [("bids", "modify", 1_000)]
    (first, second) = reading.reader.sides["bids"][Decimal("100.0")]
    assert (first[2], second[2]) == ("0.00000006", "0.00000005")


def test_a_level_that_is_pushed_out_of_the_window_is_not_deleted() -> None:
    reading = Reading()

    reading.book.cancel(101, START_NS)
    reading.told()
    reading.book.submit(Order(60, ASK, 1_001, 3), START_NS)

    assert reading.told() == [("asks", "add", 1_001)]


def test_a_level_that_changed_while_it_was_outside_moves_in_whole() -> None:
    reading = Reading()
    reading.book.submit(Order(61, BID, 990, 7), START_NS)
    assert reading.told() == []

    reading.book.cancel(2, START_NS)

    assert reading.told() == [("bids", "delete", 999), ("bids", "add", 990), ("bids", "add", 990)]


def test_an_order_that_lost_its_place_is_deleted_and_added_at_the_end() -> None:
    reading = Reading()
    reading.book.submit(Order(62, BID, 1_000, 5), START_NS)
    reading.told()

    moved = reading.book.cancel(1, START_NS)
    assert moved is not None
    reading.book.submit(moved, START_NS)

    told = reading.told()
    assert told[-1] == ("bids", "add", 1_000)
    assert [one[0] for one in reading.reader.sides["bids"][Decimal("100.0")]] == [
        crowd_name(62),
        crowd_name(1),
    ]


def test_a_change_outside_the_window_is_not_told() -> None:
    reading = Reading()

    reading.book.submit(Order(63, ASK, 1_012, 5), START_NS)

    assert reading.told() == []


def test_a_reader_of_many_random_acts_stays_right() -> None:
    for seed in range(20):
        rng = random.Random(seed)
        reading = Reading()
        number = 1_000
        for _ in range(300):
            for _ in range(rng.randint(1, 3)):
                number += 1
                resting = [
                    one
                    for side in reading.book.sides
                    for level in side.levels.values()
                    for one in level.orders
                ]
                if resting and rng.random() < 0.3:
                    reading.book.cancel(rng.choice(resting), reading.now_ns)
                else:
                    order = Order(number, rng.choice((BID, ASK)), rng.randint(985, 1_016), rng.randint(1, 30))
                    reading.book.submit(order, reading.now_ns)
            reading.told()


@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_every_checksum_of_a_live_stream_is_right(depth: int) -> None:
    exchange = emulated(rate=200)
    connection = subscribed(exchange, symbol=["BTC/USD"], depth=depth)
    exchange.advance(START_NS + 20 * S)
    reader = NaiveOrders(depth)
    found = [text for text in texts(connection) if text.startswith('{"channel":"level3"')]

    assert len(found) > 200
    assert all(reader.apply(text) for text in found)
    assert reader.oddities == []
    kinds = {
        event["event"]
        for text in found[1:]
        for side in ("bids", "asks")
        for event in json.loads(text)["data"][0][side]
    }
    assert kinds == {"add", "modify", "delete"}


def test_level3_shows_the_orders_behind_the_levels_of_the_book() -> None:
    exchange = emulated(rate=200)
    connection = subscribed(exchange, symbol=["BTC/USD"], depth=10)
    public = exchange.connect(START_NS)
    ask(public, START_NS, "subscribe", channel="book", symbol=["BTC/USD"], depth=10)
    exchange.advance(START_NS + 5 * S)
    orders, levels = NaiveOrders(10), NaiveBook(10)
    for text in texts(connection):
        if text.startswith('{"channel":"level3"'):
            orders.apply(text)
    for text in texts(public):
        if text.startswith('{"channel":"book"'):
            levels.apply(text)

    for side, held in (("bids", levels.bids), ("asks", levels.asks)):
        sums = {
            price: sum(Decimal(qty) for _, _, qty in queue) for price, queue in orders.sides[side].items()
        }
        assert sums == {price: Decimal(qty) for price, (_, qty) in held.items()}


def test_the_acknowledgement_names_no_depth() -> None:
    connection = subscribed(emulated(), symbol=["BTC/USD"], depth=100)
    (ack,) = messages(connection)

    assert ack["result"] == {"channel": "level3", "snapshot": True, "symbol": "BTC/USD"}
    assert ack["req_id"] == 5


def test_the_orders_of_accounts_are_shown_under_the_ids_they_were_acknowledged_with() -> None:
    exchange = emulated(rate=0)
    connection = subscribed(exchange, symbol=["BTC/USD"], depth=10)
    line = PrivateLine(exchange)
    line.wait(1)
    best = exchange.market.listings["BTC/USD"].book.best(BID)
    assert best is not None
    order_id = line.buy(qty="0.5", price=fixed(best[0], 1))["result"]["order_id"]
    line.call("amend_order", order_id=order_id, order_qty=0.4)
    line.call("amend_order", order_id=order_id, limit_price=float(best[0] + 1) / 10)
    line.call("cancel_order", order_id=[order_id])

    rows = [
        row
        for one in of("level3", "BTC/USD", messages(connection))[1:]
        for row in one["data"][0]["bids"]
        if row["order_id"] == order_id
    ]
    assert [row["event"] for row in rows] == ["add", "modify", "delete", "add", "delete"]
    assert [row["order_qty"] for row in rows] == [
        Decimal(text) for text in ("0.5", "0.4", "0.4", "0.4", "0.4")
    ]


def test_only_the_shown_part_of_an_iceberg_is_told() -> None:
    exchange = emulated(rate=0)
    connection = subscribed(exchange, symbol=["BTC/USD"], depth=10)
    line = PrivateLine(exchange)
    line.wait(1)
    best = exchange.market.listings["BTC/USD"].book.best(BID)
    assert best is not None
    answer = line.buy(qty="1", price=fixed(best[0] + 1, 1), order_type="iceberg", display_qty="0.1")
    order_id = answer["result"]["order_id"]
    stranger = PrivateLine(exchange, account=exchange.trading.account("other"))
    stranger.now_ns = line.now_ns
    stranger.place(order_type="market", side="sell", order_qty="0.15")

    reader = NaiveOrders(10)
    frames = [text for text in texts(connection) if text.startswith('{"channel":"level3"')]
    assert all(reader.apply(text) for text in frames)
    assert reader.oddities == []
    shown = [row for queue in reader.sides["bids"].values() for row in queue if row[0] == order_id]
    assert [qty for _, _, qty in shown] == ["0.05000000"]


def test_a_changed_tick_restarts_the_orders_with_a_snapshot() -> None:
    exchange = emulated(rate=0)
    connection = subscribed(exchange, symbol=["BTC/USD"])
    exchange.advance(START_NS + S)
    exchange.inject({"kind": "INSTRUMENT", "symbol": "BTC/USD", "price_precision": 2}, START_NS + S)
    found = of("level3", "BTC/USD", messages(connection))
    assert [one["type"] for one in found] == ["snapshot", "snapshot"]
    assert found[1]["data"][0]["bids"][0]["limit_price"].as_tuple().exponent == -2


def test_a_corrupted_frame_fails_its_checksum() -> None:
    exchange = emulated(rate=200)
    connection = subscribed(exchange, symbol=["BTC/USD"])
    exchange.advance(START_NS + 5 * S)
    reader = NaiveOrders(10)
    assert all(reader.apply(text) for text in texts(connection) if text.startswith('{"channel":"level3"'))
    exchange.inject({"kind": "CORRUPT", "channel": "level3"}, START_NS + 5 * S)
    exchange.advance(START_NS + 8 * S)

    frames = [text for text in texts(connection) if text.startswith('{"channel":"level3"')]
    assert not all(right(reader, text) for text in frames)


def right(reader: NaiveOrders, text: str) -> bool:
    """Whether the frame is whole and its checksum holds."""
    try:
        return reader.apply(text)
    except ValueError:
        return False


@needs_vectors
def test_frames_have_the_recorded_keys() -> None:
    recorded = dict(fixtures())
    exchange = emulated(rate=200, pairs=(QUIET, OTHER))
    connection = subscribed(exchange, symbol=["BTC/USD"])
    exchange.advance(START_NS + 5 * S)
    found = [one for one in texts(connection) if one.startswith('{"channel":"level3"')]

    assert keys(found[0]) == keys(recorded["test_l3_snapshot.l3_snapshot"])
    assert any(keys(one) == keys(recorded["test_l3_update.l3_update"]) for one in found[1:])


def fixtures() -> Iterator[tuple[str, str]]:
    for one in records(VECTORS / "kraken" / "ws" / "kraken-async-rs.fixtures.jsonl"):
        if "name" in one:
            yield one["name"], one["raw"]


def keys(text: str) -> Any:
    """Every level of keys in wire order; of a list its first element."""

    def of_value(value: Any) -> Any:
        if isinstance(value, dict):
            return [(key, of_value(one)) for key, one in value.items()]
        if isinstance(value, list):
            return [of_value(value[0])] if value else []
        return type(value).__name__

    return of_value(json.loads(text, parse_float=Decimal))
