"""Each plant has the one fault it is named for."""

from __future__ import annotations

from msgspec.structs import replace

from binance_depth import BTC, DepthVenue, contract
from leadline.simulation.book_plants import BridgeOffByOne, PuUnchecked
from leadline.venues.binance.books import BookStream, Fit, Verdict
from leadline.venues.binance.wire import decode_depth_frame

INSTRUMENT = contract(BTC.symbol)


def told(stream: BookStream, frame: str) -> Verdict:
    return stream.receive(decode_depth_frame(frame.encode()).data, frame.encode())


def joined(stream: BookStream) -> str:
    """The best bid of a book whose snapshot falls into the midst of a message that changes that bid."""
    venue = DepthVenue()
    told(stream, venue.frame({1000: "2.000"}))
    snapshot = replace(venue.snapshot(), last_update_id=venue.reached + 5)
    told(stream, venue.frame({1000: "3.000"}))
    assert stream.load(snapshot) is Fit.BRIDGED
    best = stream.view.best_bid
    assert best is not None
    return str(best.qty)


def test_a_bridge_that_is_off_by_one_loses_the_message_that_spans_the_snapshot() -> None:
    assert joined(BookStream(INSTRUMENT, 100)) == "3.000"
    assert joined(BridgeOffByOne(INSTRUMENT, 100)) == "2.000"


def test_an_unchecked_chain_goes_on_over_a_message_that_never_came() -> None:
    verdicts = []
    for stream in (BookStream(INSTRUMENT, 100), PuUnchecked(INSTRUMENT, 100)):
        venue = DepthVenue()
        told(stream, venue.frame({1000: "2.000"}))
        stream.load(venue.snapshot())
        venue.frame({999: "5.000"})  # lost on its way
        verdicts.append(told(stream, venue.frame({1000: "3.000"})))

    assert verdicts == [Verdict.BROKEN, Verdict.APPLIED]
