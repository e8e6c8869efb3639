from __future__ import annotations

from decimal import Decimal

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.book import Book
from leadline.engine.events import Gap
from leadline.engine.topics import Desk, Topic
from leadline.engine.witness import MOST_STATES, Witness
from leadline.model.market import Channel, GapCause, Subscription, Ticker

BTC = "BTC/USD"


def ticker(last: int) -> Ticker:
    price = Decimal(last)
    return Ticker(BTC, price, price, price, price, price, price, price, price, price)


def topic_of(channel: Channel) -> tuple[Topic[object], ManualClock]:
    clock = ManualClock(mono_ns=1000 * NS_PER_S)
    return Topic(Subscription(channel, BTC), Desk(clock)), clock


def test_a_witness_sees_every_state_in_its_order_and_is_no_reader() -> None:
    topic, clock = topic_of(Channel.TICKER)
    witness: Witness[Ticker] = Witness(lambda value: value)
    topic.watched_by(witness)
    told = [ticker(1), ticker(2), ticker(3)]
    for one in told:
        topic.take(one, clock.mono_ns())
    topic.dismiss(witness)
    topic.take(ticker(4), clock.mono_ns())

    assert list(witness.states) == told
    assert topic.readers == []


def test_a_stream_that_is_not_in_use_is_seen_all_the_same() -> None:
    topic, clock = topic_of(Channel.TICKER)
    topic.take(ticker(1), clock.mono_ns())
    topic.quarantine("other sources agree against it", clock.mono_ns())
    witness: Witness[Ticker] = Witness(lambda value: value)
    topic.watched_by(witness)
    topic.take(ticker(2), clock.mono_ns())

    assert not topic.live
    assert list(witness.states) == [ticker(2)]


def test_what_rest_tells_in_the_streams_place_is_no_state_of_the_stream() -> None:
    topic, clock = topic_of(Channel.TICKER)
    witness: Witness[Ticker] = Witness(lambda value: value)
    topic.watched_by(witness)
    topic.answered(ticker(5), clock.mono_ns(), clock.mono_ns())

    assert topic.answer is not None
    assert list(witness.states) == []


def test_a_live_value_is_kept_as_it_was() -> None:
    topic, clock = topic_of(Channel.BOOK)
    witness = Witness(lambda view: view.freeze(10))
    topic.watched_by(witness)
    book = Book(BTC, 10, 0, 0)
    for price in (9, 8):
        book.load([(price, 1)], [(20, 1)])
        topic.take(book.view, clock.mono_ns())

    assert [state.bids[0].price for state in witness.states] == [9, 8]


def test_at_its_bound_the_oldest_state_is_forgotten() -> None:
    witness: Witness[int] = Witness(lambda value: value)
    for number in range(MOST_STATES + 10):
        witness.saw(number)

    assert list(witness.states) == list(range(10, MOST_STATES + 10))


def test_one_witness_goes_without_the_other() -> None:
    topic, clock = topic_of(Channel.TICKER)
    one: Witness[Ticker] = Witness(lambda value: value)
    other: Witness[Ticker] = Witness(lambda value: value)
    topic.watched_by(one)
    topic.watched_by(other)
    topic.dismiss(one)
    topic.take(ticker(1), clock.mono_ns())

    assert (len(one.states), len(other.states)) == (0, 1)


def test_a_quarantine_is_a_gap_and_lasts_until_it_is_lifted() -> None:
    topic, clock = topic_of(Channel.TICKER)
    topic.take(ticker(1), clock.mono_ns())
    topic.quarantine("other sources agree against it", clock.mono_ns())
    topic.take(ticker(2), clock.mono_ns())
    topic.tick(clock.mono_ns())
    held = topic.fresh(clock.mono_ns())
    topic.quarantined = None
    topic.tick(clock.mono_ns())

    assert not held
    assert topic.fresh(clock.mono_ns())
    gaps = [event for event in topic._desk.events.recent if isinstance(event, Gap)]
    assert [(gap.cause, gap.until_ns is None) for gap in gaps] == [
        (GapCause.CONTRADICTED, True),
        (GapCause.CONTRADICTED, False),
    ]
