from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from feedrig import BTC, Rig, running, settle
from leadline.demo.price import PriceBetween
from leadline.demo.script import COMPARED
from leadline.engine.between import Between, Leg
from leadline.model.market import Ticker


def quote(mid: str) -> Ticker:
    return Ticker(BTC, Decimal(mid) - 1, Decimal(1), Decimal(mid) + 1, Decimal(1))


class Sides:
    """Two venues that say what a test says, and the price between them."""

    def __init__(self, first: Rig, second: Rig, between: Between) -> None:
        self.rigs = (first, second)
        self.between = between
        self.price = PriceBetween(between, COMPARED)

    async def tell(self, *mids: str | None) -> None:
        for rig, mid in zip(self.rigs, mids, strict=True):
            if mid is not None:
                rig.say(quote(mid))
        await settle()
        self.between.look(self.rigs[0].clock.mono_ns())
        self.price.look()


@asynccontextmanager
async def sides() -> AsyncIterator[Sides]:
    async with running() as first, running() as second:
        legs = [Leg(rig.feed, rig.market, BTC) for rig in (first, second)]
        async with Between(legs, first.clock) as between:
            yield Sides(first, second, between)


async def test_the_difference_is_the_second_price_less_the_first() -> None:
    async with sides() as two:
        await two.tell("10000", "10005")

        report = two.price.report()
        assert (report.symbols, report.mids) == (COMPARED, (10000, 10005))
        assert (report.difference, report.apart_bp, report.agreement) == (5, 5.0, "agreed")


async def test_the_bounds_of_all_differences_are_kept() -> None:
    async with sides() as two:
        for second in ("10005", "9998", "10002"):
            await two.tell("10000", second)

        report = two.price.report()
        assert (report.least_bp, report.apart_bp, report.most_bp) == (-2.0, 2.0, 5.0)


async def test_with_one_price_alone_there_is_no_difference_and_no_bound() -> None:
    async with sides() as two:
        await two.tell(None, "10005")

        report = two.price.report()
        assert (report.mids, report.difference, report.apart_bp) == ((None, 10005), None, None)
        assert (report.least_bp, report.most_bp, report.agreement) == (None, None, "unvalidated")
