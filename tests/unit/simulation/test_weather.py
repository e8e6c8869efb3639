from __future__ import annotations

import random

import pytest

from leadline.simulation.binance_weather import BINANCE
from leadline.simulation.kraken_weather import KRAKEN
from leadline.simulation.strikes import CALM_END_S, CALM_START_S
from leadline.simulation.weather import LEAST_STALL_S, Climate, forecast

SYMBOLS = ["BTC/USD", "ETH/USD"]
TOTAL_S = 300.0
CLIMATES = pytest.mark.parametrize("climate", [KRAKEN, BINANCE])


@CLIMATES
def test_the_weather_is_its_seeds(climate: Climate) -> None:
    strikes = [forecast(random.Random(seed), TOTAL_S, SYMBOLS, climate) for seed in ("1", "1", "2")]

    assert strikes[0] == strikes[1] != strikes[2]


@CLIMATES
def test_every_run_begins_and_ends_in_calm(climate: Climate) -> None:
    for seed in range(200):
        strikes = forecast(random.Random(seed), TOTAL_S, SYMBOLS, climate)
        assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
        assert all(strike.at_s >= CALM_START_S for strike in strikes)
        assert all(strike.end_s <= TOTAL_S - CALM_END_S + LEAST_STALL_S for strike in strikes)
