from __future__ import annotations

from decimal import Decimal

import pytest

from leadline.errors import ConfigError
from leadline.model.market import Side, Trade, TradeBatch
from leadline.net.capture import Precision
from leadline.venues.players import MOST_DECIMALS, Tally, known


def trades(*numbers: int) -> TradeBatch:
    return TradeBatch(
        "BTC/USD",
        tuple(Trade("BTC/USD", Side.BUY, Decimal(1), Decimal(1), number, None) for number in numbers),
    )


def test_trades_are_counted_once_each_and_skipped_ids_by_their_runs() -> None:
    tally = Tally()

    tally.trade_batch(trades(1, 2, 5))
    tally.trade_batch(trades(5, 6))

    assert (tally.trades, tally.holes) == (4, 1)


def test_the_venues_time_of_the_first_and_the_last_frame_is_kept() -> None:
    tally = Tally()

    for moment in (None, 1000, "not a time", 2000, 3000):
        tally.saw(moment)

    assert tally.venue_ns == [1_000_000_000, 3_000_000_000]


def test_decimals_that_nobody_knows_are_asked_for_by_name() -> None:
    with pytest.raises(ConfigError, match="--precision BTC/USD=P,Q"):
        known("BTC/USD", None)


@pytest.mark.parametrize("precision", [Precision(-1, 8), Precision(1, MOST_DECIMALS + 1)])
def test_decimals_that_cannot_be_are_refused(precision: Precision) -> None:
    with pytest.raises(ConfigError, match="cannot have"):
        known("BTC/USD", precision)
