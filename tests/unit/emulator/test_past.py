from __future__ import annotations

from emulated import START_NS, S, emulated
from leadline.emulator.market import Listing
from leadline.emulator.past import Past


def picture(listing: Listing, now_ns: int) -> object:
    """Everything of a listing that the public can be shown."""
    book, tape = listing.book, listing.tape
    sides = [
        [(key, side.levels[key].qty, side.levels[key].changed_ns) for key in side.keys] for side in book.sides
    ]
    day = tape.day(now_ns)
    assert day is not None
    return (
        sides,
        listing.best,
        tape.last,
        tape.last_price,
        (day.high, day.low, day.volume, day.cost, day.count),
    )


def test_the_past_is_what_the_listing_was() -> None:
    exchange = emulated()
    listing = exchange.market.listings["BTC/USD"]
    past = Past(listing)
    exchange.market.listeners.append(lambda batch: past.note(batch) if batch.listing is listing else None)
    was = []
    for second in range(10):
        exchange.advance(START_NS + second * S)
        was.append(picture(listing, START_NS))
    assert len({repr(one) for one in was}) == 10

    seen = [picture(past.at(START_NS + second * S), START_NS) for second in range(10)]
    assert seen == was


def test_nothing_from_before_the_beginning_is_shown() -> None:
    exchange = emulated()
    exchange.advance(START_NS + 5 * S)
    listing = exchange.market.listings["BTC/USD"]

    now = picture(listing, START_NS)
    assert picture(Past(listing).at(START_NS), START_NS) == now


def test_the_past_begins_again_where_ticks_and_lots_change() -> None:
    exchange = emulated()
    listing = exchange.market.listings["BTC/USD"]
    past = Past(listing)
    exchange.advance(START_NS + 2 * S)
    exchange.market.change_precision("BTC/USD", 3, 8)
    past.restart()

    assert picture(past.at(START_NS), START_NS) == picture(listing, START_NS)
    assert past.at(START_NS).pair.price_precision == 3
