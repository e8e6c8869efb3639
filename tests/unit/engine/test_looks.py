from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S, ManualClock
from leadline.core.book import Book
from leadline.core.crosscheck import Verdict
from leadline.engine.checks import Check, Found
from leadline.engine.looks import GRACE_S, Looks, best_of, state_of
from leadline.engine.topics import Desk, Topic
from leadline.errors import ConnectionLost
from leadline.model.market import Channel, FrozenBook, Level, Subscription, Ticker
from leadline.net.http import Purpose
from leadline.venues.memory import MemoryMarket

BTC, ETH = "BTC/USD", "ETH/USD"


def ticker(bid: str, symbol: str = BTC) -> Ticker:
    one = Decimal(1)
    return Ticker(symbol, Decimal(bid), one, Decimal(bid) + 1, one, Decimal(bid), one, one, one, one)


class SlowMarket(MemoryMarket):
    """Answers when it is told to."""

    def __init__(self, symbols: Sequence[str]) -> None:
        super().__init__(symbols)
        self.answering = asyncio.Event()

    async def fetch_tickers(self, symbols: Sequence[str], purpose: Purpose) -> dict[str, Ticker]:
        await self.answering.wait()
        return await super().fetch_tickers(symbols, purpose)


class Rig:
    def __init__(self) -> None:
        self.clock = ManualClock(mono_ns=1000 * NS_PER_S)
        self.market = SlowMarket([BTC, ETH])
        self.desk = Desk(self.clock)
        self.looks = Looks(self.market, self.desk)

    def check(self, channel: Channel = Channel.TICKER, symbol: str = BTC) -> Check:
        return Check(Topic(Subscription(channel, symbol), self.desk))

    async def begin(self, *checks: Check) -> asyncio.Future[list[Found]]:
        looking = asyncio.ensure_future(self.looks.look(checks))
        await self.turns()
        return looking

    async def turns(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    async def answer(self, bid: str, symbol: str = BTC) -> None:
        self.market.tickers[symbol] = ticker(bid, symbol)
        self.market.answering.set()
        await self.turns()

    def say(self, check: Check, bid: str) -> None:
        check.topic.take(ticker(bid, check.topic.symbol), self.clock.mono_ns())


@pytest.mark.parametrize("told", ["100", "101", "102"])
async def test_rest_may_tell_any_state_from_the_request_to_the_answer(told: str) -> None:
    rig = Rig()
    check = rig.check()
    rig.say(check, "90")
    rig.say(check, "100")
    looking = await rig.begin(check)
    rig.say(check, "101")
    rig.clock.advance(0.2)
    rig.say(check, "102")
    await rig.answer(told)
    (found,) = await looking

    assert found.outcome.verdict is Verdict.AGREED
    assert [state.bid for state in found.states if isinstance(state, Ticker)] == [100, 101, 102]
    assert found.answered_ns - found.asked_ns == NS_PER_S // 5


async def test_a_state_from_before_the_request_is_no_agreement() -> None:
    rig = Rig()
    check = rig.check()
    rig.say(check, "90")
    rig.say(check, "100")
    looking = await rig.begin(check)
    await rig.answer("90")
    rig.clock.advance(GRACE_S)
    (found,) = await looking

    assert found.outcome.verdict is Verdict.DIVERGED


async def test_a_state_that_comes_shortly_after_the_answer_counts() -> None:
    rig = Rig()
    check = rig.check()
    rig.say(check, "100")
    looking = await rig.begin(check)
    await rig.answer("120")
    assert not looking.done()
    rig.say(check, "120")
    rig.say(check, "121")
    rig.clock.advance(GRACE_S)
    (found,) = await looking

    assert found.outcome.verdict is Verdict.AGREED


async def test_agreement_of_one_symbol_does_not_wait_for_another() -> None:
    rig = Rig()
    one, other = rig.check(), rig.check(symbol=ETH)
    rig.say(one, "100")
    rig.say(other, "7")
    looking = await rig.begin(one, other)
    rig.market.tickers[ETH] = ticker("8", ETH)
    await rig.answer("100")
    rig.say(one, "500")
    rig.clock.advance(GRACE_S)
    verdicts = {found.check: found.outcome.verdict for found in await looking}

    assert verdicts == {one: Verdict.AGREED, other: Verdict.DIVERGED}


async def test_what_rest_does_not_tell_of_is_not_found() -> None:
    rig = Rig()
    one, other = rig.check(), rig.check(symbol=ETH)
    rig.say(one, "100")
    rig.say(other, "7")
    looking = await rig.begin(one, other)
    await rig.answer("100")

    assert [found.check for found in await looking] == [one]


async def test_after_a_look_nobody_watches_the_streams_any_more() -> None:
    rig = Rig()
    check = rig.check()
    rig.say(check, "100")
    looking = await rig.begin(check)
    assert check.topic._witnesses
    rig.market.failing = ConnectionLost("no answer")
    rig.market.answering.set()
    with pytest.raises(ConnectionLost):
        await looking

    assert check.topic._witnesses == ()
    assert check.topic._takes == ()


async def test_a_book_is_held_against_its_frozen_states() -> None:
    rig = Rig()
    check = rig.check(Channel.BOOK)
    book = Book(BTC, 10, 1, 8)
    book.load([(999, 123_456_789)], [(1001, 50_000_000)])
    check.topic.take(book.view, rig.clock.mono_ns())
    rig.market.books[BTC] = FrozenBook(
        BTC,
        (Level(Decimal("99.90000"), Decimal("1.235")),),
        (Level(Decimal("100.10000"), Decimal("0.500")),),
    )
    (found,) = await rig.looks.look([check])

    assert found.outcome.verdict is Verdict.AGREED
    assert best_of(found.states[0]) == (Decimal("99.9"), Decimal("100.1"))


async def test_a_book_of_rest_with_nothing_in_it_says_nothing() -> None:
    rig = Rig()
    check = rig.check(Channel.BOOK)
    book = Book(BTC, 10, 1, 8)
    book.load([(999, 1)], [(1001, 1)])
    check.topic.take(book.view, rig.clock.mono_ns())
    looking = await rig.begin(check)
    rig.clock.advance(GRACE_S)

    assert await looking == []


def test_a_side_without_levels_has_no_best_price() -> None:
    assert best_of(FrozenBook(BTC, (), (Level(Decimal(1), Decimal(1)),))) is None
    assert state_of(ticker("100")) == ticker("100")


async def test_many_symbols_are_compared_with_pauses_in_between() -> None:
    rig = Rig()
    symbols = [f"A{number}/USD" for number in range(220)]
    market = MemoryMarket(symbols)
    looks = Looks(market, rig.desk)
    checks = [rig.check(symbol=symbol) for symbol in symbols]
    for check in checks:
        rig.say(check, "100")
        market.tickers[check.topic.symbol] = ticker("100", check.topic.symbol)
    turns = 0
    looking = asyncio.ensure_future(looks.look(checks))
    while not looking.done():
        await asyncio.sleep(0)
        turns += 1

    assert len(await looking) == 220
    assert turns > 4
    assert looks.requests == 1
