from __future__ import annotations

import random

from leadline.emulator.faults import decoded
from leadline.simulation.strikes import CALM_END_S, CALM_START_S, Event
from leadline.simulation.weather import LEAST_STALL_S, forecast

SYMBOLS = ["BTC/USD", "ETH/USD"]
TOTAL_S = 300.0


def test_the_weather_is_its_seeds() -> None:
    assert forecast(random.Random("1"), TOTAL_S, SYMBOLS) == forecast(random.Random("1"), TOTAL_S, SYMBOLS)
    assert forecast(random.Random("1"), TOTAL_S, SYMBOLS) != forecast(random.Random("2"), TOTAL_S, SYMBOLS)


def test_every_run_begins_and_ends_in_calm() -> None:
    for seed in range(200):
        strikes = forecast(random.Random(seed), TOTAL_S, SYMBOLS)
        assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
        assert all(strike.at_s >= CALM_START_S for strike in strikes)
        assert all(strike.end_s <= TOTAL_S - CALM_END_S + LEAST_STALL_S for strike in strikes)


def test_every_kind_of_fault_comes_and_the_venue_takes_each() -> None:
    kinds, events = set(), set()
    for seed in range(300):
        for strike in forecast(random.Random(seed), TOTAL_S, SYMBOLS):
            if strike.event is None:
                kinds.add(strike.fields["kind"])
                decoded(strike.fields, SYMBOLS)
            else:
                events.add(strike.event)

    frames = {"STALL", "DROP", "DUP", "REORDER", "CORRUPT", "ACK_NO_DATA", "INSTRUMENT"}
    of_the_account = {"ACCEPT_THEN_DROP", "TOKEN_INVALID", "SHUFFLE"}
    untruths = {"SKEW", "LAG", "MISSTATE"}
    of_the_venue = {"CLOSE", "REFUSE", "HALF_OPEN", "SUB_RATE", "REPLY", "RATE", "STATUS"}
    assert kinds == frames | of_the_venue | of_the_account | untruths
    assert events == set(Event)
