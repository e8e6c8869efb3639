from __future__ import annotations

import random

from leadline.emulator.fault_forms import decoded
from leadline.simulation.kraken_weather import KRAKEN
from leadline.simulation.strikes import Event
from leadline.simulation.weather import forecast

SYMBOLS = ["BTC/USD", "ETH/USD"]


def test_every_kind_of_fault_comes_and_the_venue_takes_each() -> None:
    kinds, events = set(), set()
    for seed in range(300):
        for strike in forecast(random.Random(seed), 300.0, SYMBOLS, KRAKEN):
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
