from __future__ import annotations

import random

from leadline.clock import NS_PER_S
from leadline.emulator.fault_forms import decoded
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.simulation.strikes import CALM_START_S, Strike
from leadline.simulation.untruths import LONG_S, Untruths, differences

SYMBOLS = ("BTC/USD", "ETH/USD", "XRP/USD", "LTC/USD")
UNTIL_S = 235.0


def drawn(*, mild: bool) -> list[list[Strike]]:
    return [differences(random.Random(seed), UNTIL_S, SYMBOLS, mild=mild) for seed in range(300)]


def test_mild_weather_has_one_long_difference_and_other_weather_sometimes_a_short_one() -> None:
    assert all(len(one) == 1 and one[0].lasts_s >= LONG_S[0] for one in drawn(mild=True))
    assert {len(one) for one in drawn(mild=False)} == {0, 1}


def test_the_venue_takes_every_difference_and_each_is_over_in_time() -> None:
    strikes = [strike for mild in (True, False) for one in drawn(mild=mild) for strike in one]
    for strike in strikes:
        decoded(strike.fields, SYMBOLS)
        assert CALM_START_S < strike.at_s < strike.end_s <= UNTIL_S
    assert {strike.fields["kind"] for strike in strikes} == {"SKEW", "LAG", "MISSTATE"}
    assert {strike.fields.get("route") for strike in strikes} == {"rest", "ws", None}


def test_a_difference_is_about_its_source_channel_and_symbol_while_it_lasts_and_is_under_way() -> None:
    untruths = Untruths(under_way_ns=NS_PER_S)
    fields = {"kind": "SKEW", "channel": "ticker", "route": "ws", "symbol": "BTC/USD", "factor": "2"}
    untruths.begin(Strike(0.0, 10.0, fields=fields), 5 * NS_PER_S)

    def told(at_s: float, source: Source = Source.STREAM, symbol: str = "BTC/USD") -> bool:
        return untruths.told(source, Channel.TICKER, symbol, round(at_s * NS_PER_S))

    assert [told(at_s) for at_s in (4.9, 5.0, 15.9, 16.1)] == [False, True, True, False]
    assert not told(6.0, Source.REST)
    assert not told(6.0, symbol="ETH/USD")
    assert not untruths.told(Source.STREAM, Channel.BOOK, "BTC/USD", 6 * NS_PER_S)
    assert [untruths.about(symbol) for symbol in ("BTC/USD", "ETH/USD")] == [True, False]
