from __future__ import annotations

from decimal import Decimal

from binance_rig import BTC, WIRE, BinanceRig
from leadline.emulator.matching import BID, Order


def test_every_state_of_a_book_is_kept_by_the_id_of_its_last_change() -> None:
    rig = BinanceRig()
    first = rig.last_id
    rig.bid(1, qty=7)
    states = rig.truth.by_id[BTC]

    assert rig.last_id > first
    assert set(states) == {first, rig.last_id}
    assert states[first].bids != states[rig.last_id].bids
    assert states[rig.last_id].bids == rig.listing.book.bids.top(10)


def test_an_aggregate_is_known_as_soon_as_rest_tells_it() -> None:
    rig = BinanceRig()
    best = rig.listing.best[1]
    assert best is not None
    order = Order(rig.exchange.market.new_order_id(), BID, best[0], 3)
    rig.exchange.market.submit(WIRE, order, rig.clock.wall_ns())
    rig.passes(0.1)  # its time is over, and no stream has told it yet
    prints = rig.truth.symbols[BTC].prints
    assert prints == {}
    rig.truth.absorb(BTC)

    (told,) = prints.values()
    assert (told.qty, told.bought) == (Decimal("0.003"), True)
    rig.truth.absorb(BTC)
    assert len(prints) == 1


def test_marks_are_kept_by_the_second() -> None:
    rig = BinanceRig()
    rig.passes(3.2)

    assert len(rig.truth.marks[BTC].states) >= 4
    assert rig.truth.marks[BTC].states[-1].mark > 0
