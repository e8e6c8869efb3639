"""A book of single orders and its checksum."""

from __future__ import annotations

from decimal import Decimal

from leadline.core.level3 import Level3Book, OrderChange, OrderEvent

BIDS = (
    "44939.4 0.88968699 0.45210000 0.10000000 0.14296323 0.25000000 0.10292988 0.33880000 1.28140860",
    "44937.1 0.03346877",
    "44934.7 0.35630000",
    "44930.2 0.22734299 0.01000000 0.05550000 0.70000000 0.15000000",
    "44928.0 0.00105240",
    "44919.6 0.33870000",
    "44919.5 0.07610000",
    "44912.0 0.35630000",
    "44909.7 0.06690000",
    "44901.9 0.00088982",
)
ASKS = (
    "44939.5 4.52308393 0.00111261 0.00100000 0.01000000",
    "44950.0 0.10334926",
    "44953.0 0.00064537",
    "44955.0 0.00250000",
    "44959.6 0.35630000 0.35630000",
    "44960.1 0.00338072",
    "44960.2 0.88967575",
    "44967.0 3.14392283",
    "44978.5 0.06778960",
    "44979.2 0.35630000",
)


def change(event: OrderEvent, order_id: str, price: str, qty: str) -> OrderChange:
    return OrderChange(event, order_id, int(Decimal(price) * 10), int(Decimal(qty) * 10**8), "T")


def add(order_id: str, price: str, qty: str = "1") -> OrderChange:
    return change(OrderEvent.ADD, order_id, price, qty)


def listed(lines: tuple[str, ...], side: str) -> list[OrderChange]:
    return [
        add(f"{side}{row}-{number}", price, qty)
        for row, line in enumerate(lines)
        for price, *quantities in [line.split()]
        for number, qty in enumerate(quantities)
    ]


def book(depth: int = 10) -> Level3Book:
    return Level3Book("BTC/USD", depth, 1, 8)


def prices(orders: Level3Book, side: str) -> list[str]:
    return [str(order.price) for order in getattr(orders.freeze(10), side)]


def test_the_published_book_has_the_published_checksum() -> None:
    assert book().apply(listed(BIDS, "b"), listed(ASKS, "a")) == 1063832831


def test_orders_of_one_price_stand_in_the_order_in_which_they_came() -> None:
    orders = book()
    orders.apply([add("B", "10"), add("A", "10"), add("C", "11")], [])
    assert [order.order_id for order in orders.freeze(10).bids] == ["C", "B", "A"]


def test_a_changed_quantity_keeps_its_place_in_the_queue() -> None:
    orders = book()
    orders.apply([add("A", "10", "5"), add("B", "10", "5")], [])
    orders.apply([change(OrderEvent.MODIFY, "A", "10", "3")], [])
    assert [(o.order_id, o.qty) for o in orders.freeze(10).bids] == [("A", Decimal(3)), ("B", Decimal(5))]


def test_an_order_moved_to_another_price_is_last_there_and_gone_here() -> None:
    orders = book()
    orders.apply([add("A", "10"), add("B", "11")], [])
    orders.apply([change(OrderEvent.MODIFY, "A", "11", "1")], [])
    assert [o.order_id for o in orders.freeze(10).bids] == ["B", "A"]
    assert prices(orders, "bids") == ["11.0", "11.0"]


def test_a_level_without_orders_is_no_level() -> None:
    orders = book()
    orders.apply([], [add("A", "10"), add("B", "11")])
    orders.apply([], [change(OrderEvent.DELETE, "A", "10", "1")])
    assert prices(orders, "asks") == ["11.0"]


def test_levels_beyond_the_depth_fall_out_without_a_word_of_the_venue() -> None:
    orders = book(depth=2)
    orders.apply([], [add("A", "10"), add("B", "11")])
    orders.apply([], [add("C", "9")])
    assert prices(orders, "asks") == ["9.0", "10.0"]
    orders.apply([], [change(OrderEvent.DELETE, "C", "9", "1"), add("B", "11")])
    assert [o.order_id for o in orders.freeze(10).asks] == ["A", "B"]


def test_a_deletion_of_what_is_not_here_changes_nothing() -> None:
    orders = book()
    before = orders.apply([add("A", "10")], [])
    assert orders.apply([change(OrderEvent.DELETE, "X", "10", "1")], []) == before


def test_a_cleared_book_holds_nothing() -> None:
    orders = book()
    orders.apply([add("A", "10")], [add("B", "11")])
    orders.clear()
    frozen = orders.freeze(10)
    assert (frozen.bids, frozen.asks) == ((), ())


def test_a_bid_that_meets_an_ask_is_noticed() -> None:
    orders = book()
    orders.apply([add("A", "10")], [add("B", "11")])
    assert not orders.crossed()
    orders.apply([add("C", "11")], [])
    assert orders.crossed()
