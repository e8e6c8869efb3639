from __future__ import annotations

from floor import BTC, LIMIT, STILL, Floor
from leadline.emulator.accounts import UNIT, Ids
from leadline.emulator.market import chance
from leadline.emulator.matching import ASK, BID, Fill, Order
from leadline.emulator.orders import AccountOrder, Ticket
from leadline.emulator.settlement import booked
from leadline.emulator.tape import Trade


def settled(ticket: Ticket, *, maker: bool = False) -> tuple[Floor, AccountOrder]:
    floor = Floor(usd=1_000)
    order = AccountOrder("O1", ticket, 0, qty=ticket.qty)
    match = Fill(Order(1, ASK, 990, 0), 990, BTC // 2, Order(2, BID, 990, 0))
    booked(
        floor.account,
        order,
        STILL,
        match,
        Trade(7, 5, 990, BTC // 2, BID, False),
        Ids(chance(1)),
        maker=maker,
    )
    return floor, order


def test_a_fill_moves_base_then_quote_under_its_own_id() -> None:
    floor, order = settled(LIMIT)
    base, quote = floor.account.ledger
    assert (base.asset, base.amount, base.fee) == ("BTC", UNIT // 2, 0)
    assert (quote.asset, quote.amount, quote.fee) == ("USD", -495 * UNIT // 10, 1_980 * 10**6)
    assert base.ref_id == quote.ref_id == order.fills[0].exec_id
    assert base.ledger_id != quote.ledger_id


def test_a_maker_pays_less_than_a_taker() -> None:
    taker, maker = settled(LIMIT)[1].fills[0], settled(LIMIT, maker=True)[1].fills[0]
    assert (taker.fee, maker.fee) == (19_800, 12_375)
    assert (taker.maker, maker.maker) == (False, True)


def test_the_sums_of_an_order_are_those_of_its_fills() -> None:
    floor, order = settled(LIMIT)
    assert (order.filled, order.cost, order.fee) == (BTC // 2, 4_950_000, 19_800)
    assert floor.account.fills == order.fills


def test_a_fee_in_the_base_is_taken_from_the_base() -> None:
    floor, order = settled(Ticket("BTC/USD", "buy", "limit", BTC, 990, fee_in_base=True))
    base, quote = floor.account.ledger
    assert (base.fee, quote.fee) == (UNIT // 2 * 40 // 10_000, 0)
    assert (order.fills[0].fee_asset, order.fills[0].fee_lots) == ("BTC", 200_000)
    assert order.fee == 19_800


def test_a_sale_brings_its_cost_less_the_fee() -> None:
    floor, _ = settled(Ticket("BTC/USD", "sell", "limit", BTC, 990))
    assert floor.account.balance("USD") == 1_000 * UNIT + 495 * UNIT // 10 - 1_980 * 10**6
    assert floor.account.balance("BTC") == 100 * UNIT - UNIT // 2
