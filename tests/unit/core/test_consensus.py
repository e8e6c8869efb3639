from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.clock import NS_PER_S
from leadline.core.consensus import LEARNED_S, Agreement, Consensus, apart_by


class Sources:
    """Prices looked at four times a second."""

    def __init__(self, count: int = 2) -> None:
        self.consensus = Consensus(count)
        self.now_ns = 0

    def look(self, *prices: str | None):  # type: ignore[no-untyped-def]
        self.now_ns += NS_PER_S // 4
        return self.consensus.look([None if one is None else Decimal(one) for one in prices], self.now_ns)

    def learn(self, *prices: str) -> None:
        for _ in range(round(LEARNED_S * 4) + 4):
            assert self.look(*prices).agreement is Agreement.AGREED


@pytest.mark.parametrize("prices", [("100", None), (None, "100"), (None, None)])
def test_fewer_than_two_prices_are_no_agreement(prices: tuple[str | None, ...]) -> None:
    assert Sources().look(*prices).agreement is Agreement.UNVALIDATED


def test_a_first_price_that_is_wrong_is_not_taken_for_a_premium() -> None:
    found = Sources().look("100", "108")

    assert (found.agreement, found.apart) == (Agreement.DIVERGED, Decimal("0.08"))


def test_a_premium_is_learned_and_is_no_difference_from_then_on() -> None:
    sources = Sources()
    sources.learn("100", "101")

    assert sources.consensus.learned
    assert sources.consensus.factors[1] == pytest.approx(Decimal("1.01"))
    assert sources.look("100", "101.4").agreement is Agreement.AGREED
    assert sources.look("100", "101.6").agreement is Agreement.DIVERGED
    assert sources.look("100", "100.4").agreement is Agreement.DIVERGED


def test_a_premium_that_moves_slowly_is_followed() -> None:
    sources = Sources()
    sources.learn("100", "100")
    for step in range(4 * 1200):
        found = sources.look("100", str(Decimal(100) + Decimal(step) / 4000))
        assert found.agreement is Agreement.AGREED

    assert sources.look("100", "100").agreement is Agreement.DIVERGED


def test_nothing_is_learned_from_what_differs() -> None:
    sources = Sources()
    sources.learn("100", "100")
    before = sources.consensus.factors
    for _ in range(1000):
        sources.look("100", "108")

    assert sources.consensus.factors == before


def test_what_moves_everywhere_is_agreement() -> None:
    sources = Sources()
    sources.learn("100", "101")

    assert sources.look("108", "109.08").agreement is Agreement.AGREED


def test_of_two_nobody_can_be_named_and_of_three_the_one_that_stands_apart_can() -> None:
    assert Sources(2).look("100", "108").outlier is None
    three = Sources(3)
    assert three.look("100", "108", "100.1").outlier == 1
    assert three.look("92", "100", "100.1").outlier == 0
    assert three.look("100", "108", "116").outlier is None
    assert three.look(None, "108", "100").outlier is None


def test_a_source_that_was_away_teaches_nothing_of_that_time() -> None:
    sources = Sources()
    sources.look("100", "100")
    sources.now_ns += 1000 * NS_PER_S
    sources.look("100", "100.5")

    assert not sources.consensus.learned


def test_apart_is_symmetric() -> None:
    assert apart_by(Decimal(100), Decimal(108)) == apart_by(Decimal(108), Decimal(100)) == Decimal("0.08")
