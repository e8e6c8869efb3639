from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from feedrig import BTC, ETH, Collected, Rig, running, settle
from leadline.core.crosscheck import Divergence
from leadline.engine.checks import CRITICAL_SHARE, LONGEST_S, SHORTEST_S
from leadline.engine.divergences import AGREEMENTS_TO_END
from leadline.engine.events import Diverged, Reconverged, SourceChanged
from leadline.engine.topic_state import State
from leadline.engine.validator import CONFIRMING_S, REQUESTS_PER_S
from leadline.errors import ConnectionLost, Stale
from leadline.model.market import BookDropped, Channel, Gap, GapCause
from leadline.model.reading import UNVALIDATED, Source
from leadline.net.http import Purpose
from leadline.venues.memory import CONTRACTS


class Orders:
    """Whose orders are held, and why."""

    def __init__(self, rig: Rig) -> None:
        self.held: dict[str, str] = {}
        self.busy: tuple[str, ...] = ()
        rig.feed.validator.guard(self.held.__setitem__, self.held.__delitem__, lambda: self.busy)


def checks(rig: Rig) -> int:
    return rig.feed.validator.counts.requests


async def streams(rig: Rig, seconds: float, last: str = "100", rest: str | None = None) -> None:
    """The ticker speaks once a second; REST tells the same, or what is said here."""
    rig.market.tickers[BTC] = rig.ticker(rest or last)
    for _ in range(round(seconds)):
        rig.say(rig.ticker(last))
        await rig.passes(1)


async def test_a_stream_that_rest_bears_out_again_and_again_is_believed_more_and_more() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 10)
        before = await rig.feed.ticker(BTC)
        await streams(rig, 20)
        after_one = (await rig.feed.ticker(BTC)).confidence
        await streams(rig, 300)
        after_many = (await rig.feed.ticker(BTC)).confidence

        assert before.confidence == UNVALIDATED
        assert UNVALIDATED < after_one < after_many
        assert after_many > 0.7
        assert rig.feed.validator.confidence(Channel.TICKER, BTC) == pytest.approx(after_many, abs=0.01)
        assert rig.feed.validator.counts.agreed == rig.feed.validator.counts.checks > 3


async def test_intervals_grow_with_confidence_and_shrink_with_doubt() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        validator = rig.feed.validator
        assert validator.interval_s(BTC) == SHORTEST_S + CONFIRMING_S
        await streams(rig, 600)
        sure_s = validator.interval_s(BTC)
        validator.critical.add(BTC)
        critical_s = validator.interval_s(BTC)

        assert SHORTEST_S + CONFIRMING_S < sure_s <= LONGEST_S + CONFIRMING_S
        assert critical_s - CONFIRMING_S == pytest.approx((sure_s - CONFIRMING_S) * CRITICAL_SHARE)


async def test_symbols_with_orders_are_critical_as_long_as_they_have_them() -> None:
    async with running() as rig:
        orders = Orders(rig)
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 5)
        usual_s = rig.feed.validator.interval_s(BTC)
        orders.busy = (BTC,)

        assert rig.feed.validator.interval_s(BTC) < usual_s
        orders.busy = ()
        assert rig.feed.validator.interval_s(BTC) == usual_s


async def test_a_symbol_that_has_become_critical_is_looked_at_as_early_as_is_announced_then() -> None:
    async with running() as rig:
        validator = rig.feed.validator
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker("100")
        await streams(rig, 150)
        looked_ns = validator.checked_ns(BTC)
        while validator.checked_ns(BTC) == looked_ns:
            await streams(rig, 1)
        looked_ns = validator.checked_ns(BTC)
        usual_s = validator.interval_s(BTC) - CONFIRMING_S
        validator.critical.add(BTC)
        announced_s = validator.interval_s(BTC) - CONFIRMING_S
        assert announced_s < usual_s - 5
        await streams(rig, round(announced_s) + 2)

        assert validator.checked_ns(BTC) != looked_ns


async def test_one_ticker_call_checks_every_symbol() -> None:
    async with running() as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.TICKER, symbol)
            rig.market.tickers[symbol] = rig.ticker("100", symbol)
            rig.say(rig.ticker("100", symbol))
        await settle()
        await rig.passes(17)

        calls = [asked.symbols for asked in rig.market.asked if asked.purpose is Purpose.CROSS_CHECK]
        assert calls == [(BTC, ETH)]
        assert rig.feed.validator.counts.agreed == 2


async def test_a_silent_stream_that_a_check_has_just_borne_out_is_not_asked_about() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 10)
        await rig.passes(10)
        assert rig.feed.validator.counts.agreed == 1
        assert [one.purpose for one in rig.market.asked] == [Purpose.CROSS_CHECK]

        await rig.passes(60)
        assert Purpose.VALIDATION in {one.purpose for one in rig.market.asked}


async def test_a_contradiction_is_asked_about_again_before_anything_follows() -> None:
    async with running() as rig:
        orders = Orders(rig)
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 16, "100", rest="90")
        assert checks(rig) == 1
        rig.market.tickers[BTC] = rig.ticker("100")
        await streams(rig, 3, "100")

        counts = rig.feed.validator.counts
        assert (counts.contradicted, counts.unconfirmed, counts.diverged) == (1, 1, 0)
        assert [asked.purpose for asked in rig.market.asked] == [Purpose.CROSS_CHECK, Purpose.VALIDATION]
        assert orders.held == {}
        assert not [event for event in rig.feed.recent_events if isinstance(event, Diverged)]


async def test_a_state_that_the_stream_brings_a_moment_after_rest_is_agreement() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 16, "100", rest="90")
        rig.say(rig.ticker("90"))
        rig.say(rig.ticker("80"))
        await rig.passes(2)

        assert rig.feed.validator.counts.agreed == 1
        assert checks(rig) == 1


async def test_a_confirmed_contradiction_keeps_both_sides_and_holds_orders_until_they_agree_again() -> None:
    async with running() as rig:
        orders = Orders(rig)
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 20, "100", rest="90")
        validator = rig.feed.validator
        (evidence,) = validator.divergences
        confidence = (await rig.feed.ticker(BTC)).confidence
        (standing,) = validator.open

        assert isinstance(evidence, Divergence)
        assert (evidence.channel, evidence.symbol, evidence.what) == ("ticker", BTC, "bid")
        assert (evidence.ours, evidence.theirs) == ("99", "89")
        assert evidence.asked_ns <= evidence.answered_ns <= rig.clock.wall_ns()
        assert standing.divergence == evidence
        assert standing.blamed is None
        assert orders.held == {BTC: "stream and REST differ: ticker bid 99, REST 89"}
        assert confidence < 0.3
        await streams(rig, 60, "100")

        (ended,) = (event for event in rig.feed.recent_events if isinstance(event, Reconverged))
        assert (ended.channel, ended.symbol) == ("ticker", BTC)
        assert 10 < ended.lasted_s < 40
        assert validator.open == ()
        assert orders.held == {}
        assert (await rig.feed.ticker(BTC)).confidence > 0.5


async def test_a_difference_within_the_tolerance_is_agreement_counted_apart() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 20, "10000", rest="10005")

        counts = rig.feed.validator.counts
        assert (counts.within_tolerance, counts.agreed, counts.contradicted) == (1, 0, 0)
        assert rig.feed.validator.confidence(Channel.TICKER, BTC) > UNVALIDATED


async def test_a_value_older_than_five_minutes_is_not_compared() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.tickers[BTC] = rig.ticker("100")
        rig.say(rig.ticker("100"))
        await rig.passes(320)
        asked = checks(rig)
        await rig.passes(300)

        assert asked > 2
        assert checks(rig) == asked


async def test_the_book_sides_with_the_stream_so_rest_is_not_believed() -> None:
    async with running() as rig:
        orders = Orders(rig)
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        rig.say_book(9900, 10100)
        rig.market.books[BTC] = rig.rest_book()
        for _ in range(20):
            rig.say_book(9900, 10100)
            await streams(rig, 1, "100", rest="50")
        (standing,) = rig.feed.validator.open

        assert standing.blamed is Source.REST
        assert list(orders.held) == [BTC]
        assert rig.session.renewed == []
        assert (await rig.feed.ticker(BTC)).source is Source.STREAM
        seen: list[Any] = []
        newest = Collected(rig.feed.tickers(BTC))
        stop = rig.feed.on_ticker(BTC, seen.append)
        await settle()
        known = len(newest.items)
        rig.cut()
        with pytest.raises(Stale, match="REST: stream and REST differ"):
            await rig.feed.ticker(BTC)
        forced = await rig.feed.ticker(BTC, source=Source.REST)
        await rig.passes(10)

        assert forced.source is Source.REST
        assert seen == []
        assert [item for item in newest.items[known:] if not isinstance(item, Gap)] == []
        stop()
        await newest.stop()


async def test_who_has_lost_a_stream_is_served_by_rest_in_the_moment_it_is_believed_again() -> None:
    async with running() as rig:
        reading = Collected(rig.feed.books(BTC))
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        rig.market.books[BTC] = rig.rest_book()
        for _ in range(20):
            rig.say_book()
            await streams(rig, 1, "100", rest="50")
        assert rig.feed.validator.open[0].blamed is Source.REST
        rig.say(BookDropped(BTC, "the checksum does not match"))
        await rig.feed.book(BTC, source=Source.REST)
        assert rig.told(SourceChanged) == []  # who asks by name is told, and the readers are not
        rig.market.asked.clear()
        while rig.feed.validator.open:
            await streams(rig, 1)

        asked = [(each.channel, each.purpose) for each in rig.market.asked]
        looks = [(Channel.TICKER, Purpose.FALLBACK)] * AGREEMENTS_TO_END
        assert asked == [*looks, (Channel.BOOK, Purpose.FALLBACK)]
        assert [event.source for event in rig.told(SourceChanged)] == [Source.REST]
        assert reading.items[-1].source is Source.REST
        await reading.stop()


async def test_rest_that_is_not_believed_declares_no_stream_dead() -> None:
    async with running() as rig:
        reading = rig.feed.tickers(BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        rig.feed.hold(Channel.TICKER, BTC)
        await settle()
        for _ in range(20):
            rig.say_book(9900, 10100)
            rig.market.books[BTC] = rig.rest_book()
            await streams(rig, 1, "100", rest="50")
        assert rig.feed.validator.open[0].blamed is Source.REST
        for _ in range(12):  # the ticker is quiet beyond its bound, and REST tells its other price
            rig.say_book(9900, 10100)
            await rig.passes(1)

        assert rig.session.renewed == []
        await reading.aclose()


async def test_the_book_sides_with_rest_so_the_ticker_is_quarantined_renewed_and_released() -> None:
    async with running() as rig:
        orders = Orders(rig)
        stop = rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        for _ in range(20):
            rig.say_book(9900, 10100)
            rig.market.books[BTC] = rig.rest_book()
            await streams(rig, 1, "150", rest="100")
        (standing,) = rig.feed.validator.open
        topic = next(one for one in rig.feed.stats.topics if one.subscription.channel is Channel.TICKER)
        reading = await rig.feed.ticker(BTC)

        assert standing.blamed is Source.STREAM
        assert topic.state is State.QUARANTINED
        assert "stream and REST differ" in topic.reason
        assert (reading.source, reading.value.last) == (Source.REST, Decimal(100))
        assert [renewed.channel for renewed in rig.session.renewed] == [Channel.TICKER]
        assert [gap.cause for gap in rig.feed.gaps] == [GapCause.CONTRADICTED]
        assert list(orders.held) == [BTC]
        for _ in range(6 * AGREEMENTS_TO_END + 12):
            rig.say_book(9900, 10100)
            await streams(rig, 1, "100")

        reading = await rig.feed.ticker(BTC)
        assert reading.source is Source.STREAM
        assert rig.feed.validator.open == ()
        assert orders.held == {}
        assert [gap.until_ns is None for gap in rig.feed.gaps] == [False]
        stop()


async def test_a_quarantined_stream_stays_out_of_use_while_it_is_contradicted() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        for _ in range(100):
            rig.say_book(9900, 10100)
            rig.market.books[BTC] = rig.rest_book()
            await streams(rig, 1, "150", rest="100")

        assert (await rig.feed.ticker(BTC)).source is Source.REST
        assert len(rig.session.renewed) == 3
        told = [event for event in rig.feed.recent_events if isinstance(event, Diverged)]
        assert len([event for event in told if not event.pattern]) == 1
        assert rig.feed.validator.counts.diverged == 1


async def test_books_are_compared_one_symbol_at_a_time() -> None:
    async with running() as rig:
        for symbol in (BTC, ETH):
            rig.feed.hold(Channel.BOOK, symbol, 10)
            rig.market.books[symbol] = rig.rest_book(symbol=symbol)
        await settle()
        for _ in range(40):
            for symbol in (BTC, ETH):
                rig.say_book(9900, 10100, symbol)
            await rig.passes(1)

        calls = [asked.symbols for asked in rig.market.asked if asked.purpose is Purpose.CROSS_CHECK]
        assert calls[:2] == [(BTC,), (ETH,)]
        assert rig.feed.validator.confidence(Channel.BOOK, ETH) > UNVALIDATED
        assert (await rig.feed.book(ETH)).confidence > UNVALIDATED


async def test_a_book_of_rest_that_the_ticker_contradicts_is_blamed() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        rig.market.books[BTC] = rig.rest_book("50", "52")
        for _ in range(24):
            rig.say_book(9900, 10100)
            await streams(rig, 1, "100")
        (standing,) = rig.feed.validator.open

        assert (standing.divergence.channel, standing.divergence.what) == ("book", "bid 1")
        assert (standing.divergence.ours, standing.divergence.theirs) == ("99.00", "50")
        assert standing.blamed is Source.REST


async def test_checks_keep_to_their_share_of_the_budget_whatever_there_is_to_compare() -> None:
    symbols = [f"A{number}/USD" for number in range(40)]
    async with running(symbols=symbols) as rig:
        for symbol in symbols:
            rig.feed.hold(Channel.BOOK, symbol, 10)
            rig.feed.hold(Channel.TICKER, symbol)
            rig.feed.validator.critical.add(symbol)
            rig.market.books[symbol] = rig.rest_book(symbol=symbol)
            rig.market.tickers[symbol] = rig.ticker("100", symbol)
        await settle()
        for _ in range(600):
            for symbol in symbols:
                rig.say_book(9900, 10100, symbol)
                rig.say(rig.ticker("100", symbol))
            await rig.passes(1)
        asked = checks(rig)
        books = {one.symbols for one in rig.market.asked if one.channel is Channel.BOOK}

        assert asked <= 3 + 600 * REQUESTS_PER_S
        assert len(books) == len(symbols)
        assert rig.feed.validator.counts.skipped > 0
        assert rig.feed.validator.interval_s(symbols[0], Channel.BOOK) > 400


async def test_rest_that_does_not_answer_decides_nothing() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.market.failing = ConnectionLost("no answer")
        await streams(rig, 40)

        counts = rig.feed.validator.counts
        assert counts.undecided == counts.checks > 0
        assert rig.feed.validator.confidence(Channel.TICKER, BTC) == UNVALIDATED


async def test_a_line_that_may_be_dead_contradicts_nobody() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 14)
        rig.market.tickers[BTC] = rig.ticker("200")
        await rig.passes(6, alive=False)

        counts = rig.feed.validator.counts
        assert checks(rig) == counts.undecided == 1
        assert counts.contradicted == 0


async def test_two_streams_that_stand_still_do_not_outvote_rest() -> None:
    async with running() as rig:
        orders = Orders(rig)
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.hold(Channel.BOOK, BTC, 10)
        await settle()
        for _ in range(15):
            rig.say_book(9900, 10100)
            rig.market.books[BTC] = rig.rest_book()
            await streams(rig, 1)
        rig.market.tickers[BTC] = rig.ticker("200")
        await rig.passes(6)

        (standing,) = rig.feed.validator.open
        assert standing.blamed is None
        assert list(orders.held) == [BTC]


async def test_no_look_begins_where_the_level_forbids_it_and_no_interval_is_announced() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        rig.feed.validator.permitted = lambda: False
        await streams(rig, 40)

        assert checks(rig) == 0
        assert rig.feed.validator.interval_s(BTC) == math.inf


async def test_what_diverges_is_looked_at_even_where_the_level_forbids_others() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 22, "100", rest="90")
        rig.feed.validator.permitted = lambda: False
        await streams(rig, 30)

        assert rig.feed.validator.open == ()


async def test_rest_that_alternates_with_an_old_value_is_found_out() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        for _ in range(90):
            await streams(rig, 1, "100", rest="90" if checks(rig) % 2 == 0 else "100")

        told = [event for event in rig.feed.recent_events if isinstance(event, Diverged)]
        assert [(event.ours, event.theirs) for event in told] == [("99", "89")]
        assert len(rig.feed.validator.open) == 1


async def test_a_factor_is_named_in_an_event_of_its_own() -> None:
    async with running() as rig:
        orders = Orders(rig)
        rig.feed.hold(Channel.TICKER, BTC)
        for second in range(40):
            price = Decimal(10000 + 7 * second)
            rig.market.tickers[BTC] = rig.ticker(str(price / 100 + Decimal("0.99")))
            rig.say(rig.ticker(str(price)))
            await rig.passes(1)

        patterns = [event.pattern for event in rig.feed.recent_events if isinstance(event, Diverged)]
        assert patterns == ["", "theirs is 0.01 × ours, 3 times"]
        assert "0.01 × ours" in orders.held[BTC]
        assert rig.feed.validator.open[0].pattern == "theirs is 0.01 × ours, 4 times"


async def test_orders_of_a_symbol_nobody_watches_any_more_are_let_go() -> None:
    async with running() as rig:
        orders = Orders(rig)
        stop = rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 20, "100", rest="90")
        assert list(orders.held) == [BTC]
        stop()
        await rig.passes(35)

        assert orders.held == {}
        assert rig.feed.validator.open == ()


async def test_whoever_guards_later_is_told_of_what_stands() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 20, "100", rest="90")
        orders = Orders(rig)

        assert list(orders.held) == [BTC]


async def test_a_look_costs_the_stream_nothing_once_it_is_over() -> None:
    async with running() as rig:
        rig.feed.hold(Channel.TICKER, BTC)
        await streams(rig, 90)

        assert rig.feed.validator.counts.checks > 1
        assert rig.feed.stats.readings.stream == 0
        assert not any(isinstance(event, Gap) for event in rig.feed.recent_events)


async def marked(rig: Rig, seconds: int, rest: str) -> None:
    """The mark price is told once a second; REST tells what is said here."""
    rig.market.marks[BTC] = rig.mark(rest)
    for second in range(seconds):
        rig.say(rig.mark("100", at_ms=1_790_000_000_000 + 1000 * second))
        await rig.passes(1)


async def test_mark_prices_are_held_against_rest_too() -> None:
    async with running(limits=CONTRACTS) as rig:
        rig.feed.hold(Channel.MARK, BTC)
        orders = Orders(rig)
        await marked(rig, 40, "100")
        assert rig.feed.validator.confidence(Channel.MARK, BTC) > UNVALIDATED
        await marked(rig, 150, "108")

        (standing,) = rig.feed.validator.open
        found = standing.divergence
        assert (found.channel, found.what, found.ours, found.theirs) == ("mark", "index", "99", "107")
        assert standing.blamed is None and BTC in orders.held
        await marked(rig, 60, "100")
        assert rig.feed.validator.open == () and orders.held == {}
